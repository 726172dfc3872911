"""Row 30: the three administrators are apart; restoring and drills wait for their rooms."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.check_digits import resident_check
from foundation.errors import Message
from service.acceptance.entries import REVIEWER
from service.acceptance.stage import CIVIL_AFFAIRS, NotShown, Stage, expect

SYSTEM, SECURITY, AUDIT = "system_admin", "security_admin", "audit_admin"
_ROLES = ("system_administrator", "security_administrator", "audit_administrator")
_DENIED = 403


def administrators(stage: Stage) -> Sequence[Message]:
    """Row 30: none holds two of the three roles, none makes a person alone, none touches data."""
    system, security = stage.by(SYSTEM), stage.by(SECURITY)
    for one, other in ((0, 1), (1, 2), (0, 2)):
        both = _asked("two_hats", "platform", _ROLES[one], _ROLES[other])
        stage.by(REVIEWER).refused("POST", "/role-grants", "administrator_holds_other_role", both)
    clerk = _asked("new_clerk", CIVIL_AFFAIRS, "provider")
    grant = system.post("/role-grants", clerk)["id"]
    path = f"/role-grants/{grant}/confirm"
    for account in (SYSTEM, AUDIT):
        reply = stage.by(account).call("POST", path)
        expect(reply.status == _DENIED, f"{account} 可以确认。", f"{account} could confirm")
    security.post(path)
    for account in (SYSTEM, SECURITY, AUDIT):
        for asked, body in (("/licences", {}), ("/retention/purges", {"record_class": "reasons"})):
            reply = stage.by(account).call("POST", asked, body)
            expect(reply.status == _DENIED, f"{account} 可以办理业务。", f"{account} does business")
    raise NotShown(
        Message(
            "三员不能兼任；系统管理员提出、安全管理员确认，审计管理员不参与；三员均不能办理业务，已验证；"
            "备份恢复和应急演练功能尚未建设",
            "the three administrators are apart: one proposes, one confirms, none does business; "
            "restoring a backup and recording a drill are not built",
        )
    )


def _asked(name: str, organisation: str, *roles: str) -> Mapping[str, Any]:
    """Return the request to register an invented person with these roles."""
    number = f"11010519800101{len(name):03}"
    return {
        "change": {
            "kind": "person",
            "person": {
                "id": name,
                "name": name,
                "organisations": [organisation],
                "roles": list(roles),
                "accounts": [{"name": name, "organisation": organisation}],
            },
        },
        "identity": {"kind": "resident_id", "number": number + resident_check(number)},
    }
