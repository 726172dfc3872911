"""Step 5, release: one stored answer leaves by checks, two people's votes and a certificate."""

import hashlib
from typing import Any

from examples.demo.people import names_of_organisations
from examples.demo.stage import Caller, Stage, StepFailed


def play(stage: Stage) -> dict[str, str]:
    """Try the four ways that must fail, then release by two votes."""
    release = find_release(stage, stage.facts["licence"])
    one, two = stage.callers["checker_one"], stage.callers["checker_two"]
    path = f"/releases/{release['id']}"
    stage.callers["analyst"].refused("POST", f"{path}/votes", "role_missing", json=_vote(release))
    changed = {**_vote(release), "sha256": "sha256:" + "0" * 64}
    one.refused("POST", f"{path}/votes", "release_bytes_differ", json=changed)
    review(one, release)
    one.refused("POST", f"{path}/votes", "voted_already", json=_vote(release))
    one.refused("GET", f"{path}/certificate", "release_not_delivered")
    review(two, release)
    certificate = one.get(f"{path}/certificate")
    delivered = one.get(path)
    if delivered["state"] != "delivered" or certificate["document"]["sha256"] != release["sha256"]:
        raise StepFailed(f"the release was not delivered as voted: {delivered}")
    stage.write("certificate.json", certificate)
    stage.facts["release"] = _facts(stage, delivered)
    return {
        "zh": "一项结果经自动检查和其他机构两人同意后出域；"
        "仅一人同意、作者本人表决、文件被改动，均不能出域。",
        "en": "One result left after checks and two votes from another organisation; one checker "
        "alone, the author and changed bytes could not release it.",
    }


def find_release(stage: Stage, licence: str) -> dict[str, Any]:
    """Return the one release request of a licence, as a checker sees it."""
    found: list[dict[str, Any]] = stage.callers["checker_one"].get(
        "/releases", params={"licence": licence}
    )["releases"]
    if len(found) != 1 or found[0]["state"] != "checked":
        raise StepFailed(f"expected one checked release request, found {found}")
    return found[0]


def review(checker: Caller, release: dict[str, Any]) -> None:
    """Read the very bytes that would leave, then approve them by their digest."""
    shown = checker.call("GET", f"/releases/{release['id']}/preview", expect=200).content
    if f"sha256:{hashlib.sha256(shown).hexdigest()}" != release["sha256"]:
        raise StepFailed("the preview is not what the request names")
    checker.post(f"/releases/{release['id']}/votes", _vote(release))


def _vote(release: dict[str, Any]) -> dict[str, str]:
    return {"decision": "approve", "sha256": release["sha256"], "comment": "checked in the demo"}


def _facts(stage: Stage, delivered: dict[str, Any]) -> dict[str, Any]:
    names = names_of_organisations(stage)
    return {
        "title": delivered["title"],
        "release_id": delivered["id"],
        "sha256": delivered["sha256"].removeprefix("sha256:"),
        "checks": delivered["checks"],
        "votes": [
            {
                "person": vote["person"],
                "organisation": names[vote["organisation"]],
                "approved": vote["decision"] == "approve",
            }
            for vote in delivered["votes"]
        ],
    }
