"""Answers from twins: kept apart, given again only to debug sessions, and never let out.

An answer from synthetic rows says nothing of the data, and a file made of it would be taken for
one that does: so it is never released, bought, subscribed to or recomputed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import Connection, insert, select

from audit.events import Recorded
from disclosure.given import METADATA_KEY, Given, arrow_bytes, table_of
from disclosure.scope import QuestionScope
from disclosure.twins.store import synthetic_answer
from foundation.canonical import digest, sha256_hex
from foundation.errors import Denied, Message

RULE = "disclosure/twins"
SYNTHETIC_NOTE = Message(
    "合成数据：本答案来自按公开元数据生成的合成数据，不含任何真实记录，不计隐私预算与费用，不得出域。",
    "Synthetic: this answer is from rows made up from public metadata. It holds nothing real, "
    "costs no privacy budget and no money, and cannot be released.",
)


@dataclass(frozen=True)
class AgainKey:
    """What must be the same for a synthetic answer to be given again."""

    licence: str
    twin_seed: str
    plan_digest: str
    policy_digest: str


@dataclass(frozen=True)
class SyntheticAnswer:
    """An answer from a twin: Arrow IPC bytes, and the facts that travel with it."""

    id: str
    key: AgainKey
    mode: str
    content: bytes
    summary: Mapping[str, object]

    @property
    def content_digest(self) -> str:
        """The digest of its bytes. It is not salted: they hold nothing of the data."""
        return f"sha256:{sha256_hex(self.content)}"


def again_key(
    licence: str, seeds: Mapping[str, str], plan_digest: str, policy_digest: str
) -> AgainKey:
    """Name a question on the twins of some data sets."""
    return AgainKey(licence, digest(dict(seeds)), plan_digest, policy_digest)


def keep_synthetic(
    connection: Connection,
    answer: SyntheticAnswer,
    scope: QuestionScope,
    *,
    answered_index: int,
    now_us: int,
) -> SyntheticAnswer:
    """Keep an answer; runs inside the writer's savepoint, with the outcome entry.

    Rows are never given again, so that of them only the digest is kept.
    """
    connection.execute(
        insert(synthetic_answer).values(
            id=answer.id,
            mode=answer.mode,
            licence=answer.key.licence,
            person=scope.actor.person,
            session=scope.session,
            twin_seed=answer.key.twin_seed,
            plan_digest=answer.key.plan_digest,
            policy_digest=answer.key.policy_digest,
            content=answer.content if answer.mode == "aggregate" else b"",
            content_digest=answer.content_digest,
            summary=json.dumps(answer.summary, ensure_ascii=False, sort_keys=True),
            answered_index=answered_index,
            answered_us=now_us,
        )
    )
    return answer


def find_synthetic(connection: Connection, key: AgainKey) -> SyntheticAnswer | None:
    """Return the first private answer from the same twins to the same question, or None."""
    table = synthetic_answer.c
    query = (
        select(synthetic_answer)
        .where(
            table.licence == key.licence,
            table.twin_seed == key.twin_seed,
            table.plan_digest == key.plan_digest,
            table.policy_digest == key.policy_digest,
            table.mode == "aggregate",
        )
        .order_by(table.answered_index)
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    return SyntheticAnswer(row.id, key, row.mode, bytes(row.content), json.loads(row.summary))


def give_synthetic(
    recorded: Recorded[SyntheticAnswer],
    *,
    repeated: bool,
    would_cost: Mapping[str, object],
    budget_nano_rho_remaining: int | None,
) -> Given:
    """Give an answer from a twin: the same fields as any other, marked, and free."""
    answer = recorded.value
    told = {
        **answer.summary,
        "answer_id": answer.id,
        "mode": answer.mode,
        "synthetic": True,
        "receipt": recorded.receipt,
        "index": recorded.index,
        "cost_nano_rho": 0,
        "cost_delta_steps": 0,
        "would_cost": dict(would_cost),
        "repeated": repeated,
        "gross_micro_fen": 0,
        "budget_nano_rho_remaining": budget_nano_rho_remaining,
    }
    metadata = {METADATA_KEY: json.dumps(told, ensure_ascii=False).encode()}
    table: pa.Table = table_of(answer.content).replace_schema_metadata(metadata)
    return Given(arrow_bytes(table), recorded.index, recorded.receipt)


def noted(summary: Mapping[str, object]) -> dict[str, object]:
    """Return a summary that says first that the answer is synthetic, and is free."""
    notes = summary.get("notes")
    own = notes if isinstance(notes, Mapping) else {"zh": "", "en": ""}
    return {
        **summary,
        "epsilon_shown": "0.000",
        "notes": {
            "zh": SYNTHETIC_NOTE.zh + str(own["zh"]),
            "en": f"{SYNTHETIC_NOTE.en} {own['en']}".strip(),
        },
    }


def refuse_synthetic(connection: Connection, answer_id: str, licence: str) -> None:
    """Refuse an answer that is from a licence's twins; whoever lets answers out asks this first."""
    table = synthetic_answer.c
    query = select(table.id).where(table.id == answer_id, table.licence == licence)
    if connection.execute(query).first() is not None:
        raise synthetic_refused("answer_id")


def refuse_in_debug(scope: QuestionScope) -> None:
    """Refuse what a debug session may not do at all: ask for a release, or anything like one."""
    if scope.twin:
        raise synthetic_refused("session")


def synthetic_refused(field: str) -> Denied:
    """Say that nothing made of synthetic data is ever let out."""
    return Denied(
        "answer_synthetic",
        Message(
            "该答案来自合成数据（调试模式），不能出域、购买、订阅或重算。",
            "This answer is from synthetic data (debug mode): it cannot be released, bought, "
            "subscribed to or recomputed.",
        ),
        field=field,
        rule=RULE,
        way_out=Message(
            "请将笔记本送审，转入生产会话后重新提问，再申请出域。",
            "Have the notebook reviewed, ask again in a production session, then for a release.",
        ),
    )
