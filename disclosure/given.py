"""An answer as it leaves the gateway: one Arrow stream, its facts and its receipt in the schema."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from audit.events import Recorded
from disclosure.answers import StoredAnswer
from disclosure.checks.contributors import Evidence, evidence_of
from disclosure.plan.pricing import PricedPlan
from disclosure.plan.shaping import Shaped, notes_on
from disclosure.privacy import epsilon_shown
from foundation.errors import Message
from policies.schema.privacy import PrivacyRules

METADATA_KEY = b"sandgate"
ROWS_NOTE = Message(
    "本答案为授权副本中的脱敏明细。",
    "These are masked rows of your licence's own extract.",
)


@dataclass(frozen=True)
class Given:
    """What the asker receives."""

    arrow_stream: bytes
    index: int
    receipt: str


def arrow_bytes(table: pa.Table) -> bytes:
    """Encode a table as one Arrow IPC stream."""
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    return out.getvalue()


def table_of(arrow_stream: bytes) -> pa.Table:
    """Decode what ``arrow_bytes`` encoded."""
    return pa.ipc.open_stream(arrow_stream).read_all()


def summary_of(
    priced: PricedPlan | None, shaped: Shaped | None, rules: PrivacyRules, environment_digest: str
) -> dict[str, object]:
    """Return what is kept beside an answer: cost, intervals, notes, and the desk's evidence.

    ``environment_digest`` names the environment of the session that it was first given to.
    """
    environment = {"environment_digest": environment_digest}
    if priced is None or shaped is None:
        notes = _notes(ROWS_NOTE)
        return {"epsilon_shown": "0.000", "intervals": {}, "notes": notes, **environment}
    evidence = evidence_of(priced)
    return {
        "epsilon_shown": epsilon_shown(
            priced.cost_nano_rho, rules.epsilon_delta_steps, priced.cost_delta_steps
        ),
        "cost_delta_steps": priced.cost_delta_steps,
        "intervals": {name: dict(ends) for name, ends in shaped.intervals.items()},
        "notes": _notes(*notes_on(priced)),
        **environment,
        "evidence": None
        if evidence is None
        else {"column": evidence.column, "rows_per_unit": evidence.rows_per_unit},
    }


def evidence_in(summary: Mapping[str, object]) -> Evidence | None:
    """Read back what the release desk judges contributors by."""
    found = summary.get("evidence")
    if not isinstance(found, Mapping):
        return None
    return Evidence(str(found["column"]), int(found["rows_per_unit"]))


def give(
    recorded: Recorded[StoredAnswer], *, repeated: bool, budget_nano_rho_remaining: int | None
) -> Given:
    """Give a stored answer with the receipt of the entry that lets it out now."""
    answer = recorded.value.given
    told = {
        **answer.summary,
        "answer_id": answer.id,
        "mode": answer.mode,
        "receipt": recorded.receipt,
        "index": recorded.index,
        "cost_nano_rho": 0 if repeated else answer.cost_nano_rho,
        "cost_delta_steps": 0 if repeated else answer.summary.get("cost_delta_steps", 0),
        "repeated": repeated,
        "gross_micro_fen": recorded.value.gross_micro_fen,
        "budget_nano_rho_remaining": budget_nano_rho_remaining,
    }
    metadata = {METADATA_KEY: json.dumps(told, ensure_ascii=False).encode()}
    table = table_of(answer.content).replace_schema_metadata(metadata)
    return Given(arrow_bytes(table), recorded.index, recorded.receipt)


def _notes(*notes: Message) -> dict[str, str]:
    return {
        "zh": "".join(note.zh for note in notes),
        "en": " ".join(note.en for note in notes),
    }
