"""Step 5, release: an answer, its figure and words leave by checks, blind votes, a certificate."""

import base64
import hashlib
import json
from typing import Any

from examples.demo.people import names_of_organisations
from examples.demo.session_step import outputs_of
from examples.demo.stage import Caller, Stage, StepFailed


def play(stage: Stage) -> dict[str, str]:
    """Try what must fail, then release three files by two votes that are blind till both are in."""
    sent_back = _invented_came_back(stage)
    release = find_release(stage, stage.facts["licence"])
    one, two = stage.callers["checker_one"], stage.callers["checker_two"]
    path = f"/releases/{release['id']}"
    stage.callers["analyst"].refused("POST", f"{path}/votes", "role_missing", json=_vote(release))
    changed = {**_vote(release), "sha256": "sha256:" + "0" * 64}
    one.refused("POST", f"{path}/votes", "release_bytes_differ", json=changed)
    review(one, release)
    one.refused("POST", f"{path}/votes", "voted_already", json=_vote(release))
    one.refused("GET", f"{path}/certificate", "release_not_delivered")
    if (seen := two.get(path))["votes"] or seen["state"] != "checked":
        raise StepFailed(f"the second checker sees the first one's vote: {seen}")
    shown = review(two, release)
    certificate = one.get(f"{path}/certificate")
    delivered = one.get(path)
    if delivered["state"] != "delivered" or certificate["document"]["sha256"] != release["sha256"]:
        raise StepFailed(f"the release was not delivered as voted: {delivered}")
    stage.write("certificate.json", certificate)
    figure = next(content for name, content in shown.items() if name.endswith(".png"))
    stage.write("figure.png", figure)
    stage.facts["release"] = _facts(stage, delivered) | {
        "figure": base64.b64encode(figure).decode(),
        "sent_back": sent_back,
    }
    return {
        "zh": f"一份表格、平台据其重画的图和一段说明（数字均见于该表，共 {len(shown)} 个文件）"
        "经自动检查和其他机构两人互不可见的表决后出域；自编的文件被退回；"
        "仅一人同意、作者本人表决、文件被改动，均不能出域。",
        "en": f"{len(shown)} files left after checks and two blind votes from another "
        "organisation: a table, a figure the platform drew from it, and words whose numbers stand "
        "in it. An invented file was sent back; one vote, the author's own, and changed files "
        "released nothing.",
    }


def _invented_came_back(stage: Stage) -> list[dict[str, Any]]:
    """Insist that the desk sent back figures of the operator's own making; return why."""
    (output,) = outputs_of(stage.facts["notebook"], "invented")
    told = output["data"]["application/vnd.sandgate.release+json"]
    failed = [check for check in told["checks"] if not check["ok"]]
    reasons = {check["check"] for check in failed}
    if told["state"] != "returned" or reasons != {"recomputed", "numbers_traced"}:
        raise StepFailed(f"invented figures were not sent back: {told}")
    return failed


def find_release(stage: Stage, licence: str) -> dict[str, Any]:
    """Return the one release request of a licence that waits for votes, as a checker sees it."""
    found: list[dict[str, Any]] = stage.callers["checker_one"].get(
        "/releases", params={"licence": licence}
    )["releases"]
    waiting = [request for request in found if request["state"] == "checked"]
    if len(waiting) != 1:
        raise StepFailed(f"expected one checked release request, found {found}")
    return waiting[0]


def review(checker: Caller, release: dict[str, Any]) -> dict[str, bytes]:
    """Read the very bytes that would leave, then approve them by their digest; return them."""
    shown, digests = {}, []
    for file in release["files"]:
        query = {"name": file["name"]}
        path = f"/releases/{release['id']}/preview"
        content = checker.call("GET", path, expect=200, params=query).content
        shown[file["name"]] = content
        digests.append({"name": file["name"], "sha256": _sha256(content)})
    named = json.dumps(digests, sort_keys=True, separators=(",", ":")).encode()
    if release["sha256"] != (_sha256(named) if len(digests) > 1 else digests[0]["sha256"]):
        raise StepFailed("the preview is not what the request names")
    checker.post(f"/releases/{release['id']}/votes", _vote(release))
    return shown


def _sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _vote(release: dict[str, Any]) -> dict[str, str]:
    return {"decision": "approve", "sha256": release["sha256"], "comment": "checked in the demo"}


def _facts(stage: Stage, delivered: dict[str, Any]) -> dict[str, Any]:
    names = names_of_organisations(stage)
    return {
        "title": delivered["title"],
        "release_id": delivered["id"],
        "sha256": delivered["sha256"].removeprefix("sha256:"),
        "files": [
            {"name": file["name"], "sha256": file["sha256"].removeprefix("sha256:")}
            for file in delivered["files"]
        ],
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
