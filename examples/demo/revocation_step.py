"""Step 8, revocation: a release is recalled, the licence suspended, the session goes dark."""

import json
import time

import httpx

from examples.demo.people import ENTERPRISE, OPERATOR, names_of_organisations
from examples.demo.stage import Stage, StepFailed

DARK_SECONDS_MAX = 60.0


def play(stage: Stage) -> dict[str, str]:
    """Suspend by the command line, and see the session, a question and a fetch refused."""
    licence = stage.facts["licence"]
    client = stage.facts["session_client"]
    if client.get("/api/kernels").status_code != httpx.codes.OK:
        raise StepFailed("the session was dark before the suspension")
    _recall(stage)
    started = time.monotonic()
    stage.command(
        "licence", "suspend", licence, "--reason", "演示暂停 demonstration", caller="founder"
    )
    while client.get("/api/kernels").status_code == httpx.codes.OK:
        if time.monotonic() - started > DARK_SECONDS_MAX:
            raise StepFailed("the session still answers a minute after the suspension")
        time.sleep(0.05)
    dark_seconds = time.monotonic() - started
    stage.callers["analyst"].refused(
        "POST", "/sessions", "licence_not_in_force", json={"licence": licence}
    )
    stage.callers["buyer"].refused("POST", f"/products/{licence}/fetches", "licence_not_in_force")
    received = json.loads(stage.command("licence", "received", licence, caller="founder"))[
        "received"
    ]
    stage.write("received.json", {"received": received})
    names = names_of_organisations(stage)
    stage.facts["received"] = [{**item, "recipient": names[item["recipient"]]} for item in received]
    by_operator = sum(item["recipient"] == OPERATOR for item in received)
    return {
        "zh": "结果被召回，接收方逐一列明，不能再调用；"
        f"暂停授权后 {dark_seconds:.1f} 秒会话中断，新会话与调用被拒；"
        f"列出运营机构所获 {by_operator} 项。",
        "en": "The result was recalled: who received it was named, and nobody fetches it any more. "
        f"{dark_seconds:.1f} s after the suspension the session was dark; new sessions and "
        f"fetches were refused; all {by_operator} things the operator received were listed.",
    }


def _recall(stage: Stage) -> None:
    """Recall the release: the enterprise must be named, and can fetch it no more."""
    reason = "演示召回 demonstration"
    release = stage.facts["release"]["release_id"]
    body = {"reason": reason}
    recalled = stage.callers["founder"].post(f"/releases/{release}/recall", body)
    recipients = {item["organisation"] for item in recalled["recipients"]}
    if recipients != {ENTERPRISE}:
        raise StepFailed(f"the recall names {recipients}")
    product = f"/products/{stage.facts['licence']}/fetches"
    stage.callers["buyer"].refused("POST", product, "release_recalled")
