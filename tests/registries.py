"""The registry of people in tests: three administrators beside the small city, and their words."""

from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.organisations import Account, Person, actor_for_account, create_person
from authorization.registry_changes import Change
from authorization.role_grants import Grant, confirm_change, propose_change
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from policies.schema.roles import RoleRules
from tests.fakes import SteppedClock
from tests.licensing import PACK

RULES = PACK.rules(RoleRules)
CHANGES: TypeAdapter[Any] = TypeAdapter(Change)
ADMINISTRATORS = {
    "sys": Role.SYSTEM_ADMINISTRATOR,
    "sec": Role.SECURITY_ADMINISTRATOR,
    "aud": Role.AUDIT_ADMINISTRATOR,
}
IDENTITIES = {name: f"{number:064x}" for number, name in enumerate(("one", "two", "three"), 1)}


def person_json(name: str = "newcomer", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "name": name,
        "identity": IDENTITIES["one"],
        "organisations": ["datawise"],
        "roles": ["operator"],
        "accounts": [{"name": f"{name}@city", "organisation": "datawise"}],
        **changes,
    }


class Registry:
    """The words these tests speak."""

    def __init__(self, writer: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> None:
        self.writer, self.engine, self.clock = writer, engine, clock

    def actor(self, name: str) -> Actor:
        with reading(self.engine) as connection:
            return actor_for_account(connection, f"{name}@city", "en", self.clock.now_us())

    def propose(self, by: str, kind: str, **fields: Any) -> Grant:
        change = CHANGES.validate_python({"kind": kind, **fields})
        self.clock.advance(1)
        return propose_change(self.writer, self.actor(by), change, RULES).value

    def confirm(self, by: str, grant: Grant) -> Grant:
        self.clock.advance(1)
        actor = self.actor(by)
        return confirm_change(self.writer, actor, grant.id, RULES, PACK.digest).value

    def both(self, first: str, second: str, kind: str, **fields: Any) -> Grant:
        return self.confirm(second, self.propose(first, kind, **fields))


def registered(writer: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> Registry:
    """Register the three administrators of a small city."""
    for name, role in ADMINISTRATORS.items():
        account = Account(name=f"{name}@city", organisation="platform")
        person = Person(
            id=name, name=name, organisations=("platform",), roles=(role,), accounts=(account,)
        )
        create_person(writer, SYSTEM_ACTOR, person)
    clock.advance(1)
    return Registry(writer, engine, clock)
