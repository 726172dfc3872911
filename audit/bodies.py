"""The bytes of an entry: canonical JSON that is hashed as stored and never re-serialised.

Every body holds a 16-byte nonce, its own index, and for each private field only a salted
commitment, so that publishing hashes confirms no guess and erasing a field leaves the leaf.
"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audit.events import AuditEvent
from audit.store import BODY_BYTES_MAX
from foundation.canonical import canonical_bytes, salted_commitment
from foundation.errors import InvalidInput, Message

BODY_FORMAT = "sandgate/entry@1"
NONCE_BYTES = 16
SUBJECT_CHARACTERS_MAX = 200
SUBJECT_FIELDS = frozenset(
    {"person", "organisation", "operator", "licence", "dataset", "session", "answer"}
    | {"release", "product", "period", "version", "population"}
    | {"column", "purpose", "question", "claim", "alert"}
)
_PLURALS = {f"{field}s": field for field in SUBJECT_FIELDS}


@dataclass(frozen=True)
class PrivateField:
    """A field kept beside the log: erasing its row leaves a commitment nobody can open."""

    field: str
    salt: bytes
    text: str


def private_fields(event: AuditEvent) -> list[PrivateField]:
    """Give each private field of an event a fresh salt."""
    return [
        PrivateField(name, secrets.token_bytes(NONCE_BYTES), text)
        for name, text in event.private.items()
    ]


def entry_body(
    event: AuditEvent,
    index: int,
    time_us: int,
    public: Mapping[str, object],
    private: list[PrivateField],
) -> bytes:
    """Build the body. Raises InvalidInput where it is too large for a log entry."""
    body = canonical_bytes(
        {
            "actor": event.actor.as_public(),
            "format": BODY_FORMAT,
            "index": index,
            "kind": str(event.kind),
            "nonce": secrets.token_hex(NONCE_BYTES),
            "private": {
                item.field: salted_commitment(item.salt, item.text.encode()) for item in private
            },
            "public": dict(public),
            "time_us": time_us,
        }
    )
    if len(body) > BODY_BYTES_MAX:
        raise InvalidInput(
            "entry_too_large",
            Message(
                zh=f"日志条目超过 {BODY_BYTES_MAX} 字节，操作未执行。",
                en=f"The log entry is longer than {BODY_BYTES_MAX} bytes; nothing was done.",
            ),
            rule="c2sp.org/tlog-tiles",
            way_out=Message(
                zh="请把一次操作拆成几次，每次涉及更少的内容。",
                en="Split the operation into several that each name fewer things.",
            ),
        )
    return body


def subjects(event: AuditEvent, public: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Name what an entry is about, so that it can be found by licence, person or data set."""
    return subjects_of(event.actor.as_public(), public)


def subjects_of(
    actor: Mapping[str, object], public: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Name what an entry is about from the actor and the public fields of its body."""
    found = {(field, str(actor.get(field))) for field in ("person", "organisation")}
    found.update(("column", name) for name in _columns(public))
    for key, value in public.items():
        if key in {"column", "columns"}:
            continue
        field = key if key in SUBJECT_FIELDS else _PLURALS.get(key)
        if field is not None:
            found.update((field, text) for text in _texts(value))
    yield from sorted(found)


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list | tuple) else [value]:
        if isinstance(item, str) and 0 < len(item) <= SUBJECT_CHARACTERS_MAX:
            yield item


def _columns(public: Mapping[str, object]) -> Iterator[str]:
    """Name columns as ``dataset.column``: by data set, or as those of the one data set named."""
    value = public.get("columns", public.get("column"))
    by_dataset = value if isinstance(value, Mapping) else {public.get("dataset"): value}
    for dataset, columns in by_dataset.items():
        if isinstance(dataset, str):
            yield from _texts([f"{dataset}.{name}" for name in _texts(columns)])
