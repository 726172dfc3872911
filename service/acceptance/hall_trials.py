"""Row 6: two departments' chief representatives clear their queues; duty records are printed."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message
from service.acceptance.entries import CIVIL, REVIEWER, TAX, House, published
from service.acceptance.stage import Stage, expect

_CHINA = timedelta(hours=8)
_TERM_DAYS = 90


def hall(stage: Stage) -> Sequence[Message]:
    """Row 6: each asks the other for data; both decide from the queue while on duty."""
    seats = {house.seat: _seated(stage, house) for house in (CIVIL, TAX)}
    cases = [_asked(stage, TAX, CIVIL), _asked(stage, CIVIL, TAX)]
    for house, outcome in ((CIVIL, "approved"), (TAX, "refused")):
        _cleared(stage, house, seats[house.seat], outcome)
    printed = [_printed(stage, house, seats[house.seat]) for house in (CIVIL, TAX)]
    return (
        Message(
            f"民政局、税务局各设席位；共享申请 {'、'.join(cases)} 分别进入对方队列",
            f"two seats; the requests {', '.join(cases)} wait in each other's queue",
        ),
        Message(
            "两名首席代表上岗、受理、作出决定，待决事项均已清空",
            "both representatives come on duty, take and decide; nothing waits for a decision",
        ),
        Message(
            f"打印值班记录两份（PDF，{printed[0] >> 10}、{printed[1] >> 10} KiB）",
            f"two duty records are printed (PDF, {printed[0] >> 10} and {printed[1] >> 10} KiB)",
        ),
    )


def _seated(stage: Stage, house: House) -> str:
    """Open a department's seat; its head names the representative, the authority confirms."""
    reviewer = stage.by(REVIEWER)
    organisation = stage.by(house.head).get("/me")["organisation"]
    seat: dict[str, Any] = reviewer.post("/hall/seats", {"organisation": organisation})
    named = stage.by(house.head).post(
        f"/hall/seats/{seat['id']}/appointments", {"person": house.seat}
    )
    reviewer.post(f"/hall/appointments/{named['id']}/confirmation")
    return str(seat["id"])


def _asked(stage: Stage, by: House, of: House) -> str:
    """Ask a department for an entry of its own; return the case number."""
    entry = published(stage, of)
    form = {
        "basis": "社会救助暂行办法 第五十八条",
        "scenario": "低保资格复核",
        "scope": "本市在册对象",
        "mode": "batch",
        "until": (_today(stage) + timedelta(days=_TERM_DAYS)).date().isoformat(),
    }
    share = stage.by(by.clerk).post("/sharing/requests", {"entry": entry["id"], "form": form})
    path = f"/sharing/requests/{share['id']}"
    read = {"document_digest": share["document_digest"]}
    stage.by(by.head).post(f"{path}/sign-off", read)
    told = stage.by(by.clerk).post(f"{path}/submission")
    return str(told["case_number"])


def _cleared(stage: Stage, house: House, seat: str, outcome: str) -> None:
    """Come on duty, take and decide what waits, and see that the queue is empty."""
    by = stage.by(house.seat)
    by.post(f"/hall/seats/{seat}/duty")
    waiting = _to_decide(stage, house)
    expect(waiting, "队列中没有等待的事项。", "nothing waits in the queue")
    for matter in waiting:
        path = f"/hall/queue/{matter}"
        by.post(f"{path}/taking")
        refusal = {"reason": "不属于承担职责所必需", "legal_basis": "政务数据共享条例 第十五条"}
        body = {"outcome": outcome, **(refusal if outcome == "refused" else {})}
        by.post(f"{path}/decision", body)
    expect(not _to_decide(stage, house), "队列没有清空。", "the queue is not empty")
    by.post("/hall/duty/end", {"note": "交接完毕"})


def _to_decide(stage: Stage, house: House) -> list[str]:
    """Return the requests that wait for a decision; what was agreed to waits for its supply."""
    queue = stage.by(house.seat).get("/hall/queue")["queue"]
    return [one["matter"]["id"] for one in queue if one["matter"]["kind"] == "share_request"]


def _printed(stage: Stage, house: House, seat: str) -> int:
    day = _today(stage).date().isoformat()
    reply = stage.by(house.seat).call("POST", f"/hall/seats/{seat}/duty-records/pdf?day={day}")
    expect(reply.body.startswith(b"%PDF-"), "没有打印出值班记录。", "no duty record was printed")
    return len(reply.body)


def _today(stage: Stage) -> datetime:
    seconds = stage.clock.now_us() // MICROSECONDS_PER_SECOND
    return datetime.fromtimestamp(seconds, UTC) + _CHINA
