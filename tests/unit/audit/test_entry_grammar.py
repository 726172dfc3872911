"""The catalogue of entry kinds is closed: each has its fields, and two readers judge alike."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from audit.events import AuditEvent, PendingEntry, no_effect
from audit.grammar import check_grammar, grammar
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.verify.grammar import GRAMMAR, departure_of
from audit.writer import GroupCommitWriter
from foundation.db import reading
from foundation.errors import InvalidInput
from foundation.identity import SYSTEM_ACTOR

TYPES = {"text", "integer", "flag", "texts", "list", "map"}
ENFORCED = [kind for kind, fields in grammar().items() if fields.enforced]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=3),
    st.lists(st.one_of(st.text(max_size=2), st.integers()), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def test_every_kind_has_its_grammar_and_no_other() -> None:
    assert set(GRAMMAR) == {kind.value for kind in EntryKind}
    for kind, fields in grammar().items():
        assert {wanted.removesuffix("?") for wanted in fields.public.values()} <= TYPES, kind


def test_no_refusal_is_ever_refused_for_its_form() -> None:
    endings = (":refused", ":failed", ":reported", ":coalesced", ":locked", ":contradicted")
    assert [kind for kind in ENFORCED if kind.value.endswith(endings)] == []
    assert len(ENFORCED) > 15


def sample(wanted: str) -> object:
    values: dict[str, object] = {
        "text": "x",
        "integer": 1,
        "flag": True,
        "texts": ["x"],
        "list": [1],
        "map": {"x": 1},
    }
    return values[wanted.removesuffix("?")]


def whole(kind: EntryKind) -> dict[str, object]:
    return {name: sample(wanted) for name, wanted in grammar()[kind].public.items()}


@pytest.mark.parametrize("kind", ENFORCED)
def test_a_change_of_state_outside_its_grammar_is_refused(kind: EntryKind) -> None:
    check_grammar(kind, whole(kind), grammar()[kind].private)
    for name, wanted in grammar()[kind].public.items():
        without = {field: value for field, value in whole(kind).items() if field != name}
        if not wanted.endswith("?"):
            with pytest.raises(InvalidInput, match=name):
                check_grammar(kind, without, ())
        with pytest.raises(InvalidInput, match=name):
            check_grammar(kind, {**whole(kind), name: 1.5}, ())
    with pytest.raises(InvalidInput, match="surplus"):
        check_grammar(kind, {**whole(kind), "surplus": 1}, ())
    with pytest.raises(InvalidInput, match="hidden"):
        check_grammar(kind, whole(kind), ("hidden",))


@given(
    st.sampled_from(sorted(EntryKind)),
    st.dictionaries(st.sampled_from(["licence", "dataset", "reason", "size"]), VALUES),
    st.sets(st.sampled_from(["sql", "reason", "other"])),
    st.booleans(),
)
def test_both_readers_judge_alike(
    kind: EntryKind, fields: dict[str, object], private: set[str], complete: bool
) -> None:
    public = {**whole(kind), **fields} if complete else fields
    content = {"kind": kind.value, "public": public, "private": dict.fromkeys(private, "sha256:")}
    ours = grammar()[kind].departure(public, private)
    assert (ours is None) == (departure_of(content) is None)


def test_a_refused_form_rolls_its_effect_back(writer: GroupCommitWriter, tmp_path: Path) -> None:
    def effect(connection: Connection, _entry: PendingEntry) -> None:
        connection.execute(text("UPDATE checkpoint SET size = size WHERE 1 = 0"))

    event = AuditEvent(
        EntryKind.POPULATION_APPROVED, SYSTEM_ACTOR, {"population": "people", "extra": 1}
    )
    before = writer.head()
    with pytest.raises(InvalidInput, match="extra"):
        writer.submit(event, effect)
    assert writer.head() == before
    assert tmp_path.exists()


def test_a_refusal_of_an_odd_form_is_written_and_remarked_on(writer: GroupCommitWriter) -> None:
    event = AuditEvent(EntryKind.QUESTION_REFUSED, SYSTEM_ACTOR, {"odd": 1})
    done = writer.submit(event, no_effect)
    with reading(writer._engine) as connection:
        entry = read_entries(connection, first=done.index)[0]
    assert departure_of(entry.content) == "field odd"
