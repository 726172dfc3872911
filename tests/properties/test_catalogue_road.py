"""Whatever is tried in whatever order by whomever: nothing is published but by the whole road."""

import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from audit.writer import GroupCommitWriter
from catalog.book import drafting, review, signing
from catalog.book.parts import Book, head_by_code, open_revision, published_revision
from catalog.book.states import ENTRY_MOVES, EntryState, Move
from catalog.book.store import catalog_move
from catalog.book.systems import SystemDocument, register_system
from catalog.matters.matter import MissingPaper
from foundation.db import metadata, open_engine, reading
from foundation.errors import SandgateError
from foundation.identity import Actor, Role
from foundation.keys import FileKeyStore
from service.migrate import import_stores
from tests.catalogue import ASSESSMENT, bare_book, person
from tests.city_documents import HOUSEHOLDS, PROVIDER, catalogue_entry
from tests.fakes import SteppedClock

ONE, TWO = Role.PROVIDER, Role.DEPARTMENT_HEAD
PEOPLE = (
    person("drafter", PROVIDER, ONE),
    person("head", PROVIDER, TWO),
    person("both", PROVIDER, ONE, TWO),
    person("reviewer", "data_authority", Role.AUTHORITY),
    person("insider", PROVIDER, ONE, TWO, Role.AUTHORITY),
    person("stranger", "other_bureau", ONE, TWO),
)
MOVES = (
    *("draft", "revise", "secrecy", "personal", "sign", "submit"),
    *("publish", "return", "refuse", "change", "withdraw", "discard"),
)
FIRST_STEPS = [(0, "draft"), (0, "secrecy"), (0, "personal"), (1, "sign"), (0, "submit")]
SYSTEM = "register"
DOCUMENT = catalogue_entry(HOUSEHOLDS, SYSTEM)


def tried(book: Book, connection: Connection, actor: Actor, move: str, number: int) -> object:
    """Try one move, with what this actor would have read just before."""
    head = head_by_code(connection, DOCUMENT["code"])
    entry_id = head.id if head else "cat_unknown"
    at_work = open_revision(connection, entry_id)
    connection.rollback()
    text = {**DOCUMENT, "format": f"CSV {number}"}
    papers, digest = (at_work.papers, at_work.digest) if at_work else ("sha256:0", "sha256:0")
    acts: dict[str, Any] = {
        "draft": lambda: drafting.draft_entry(book, actor, PROVIDER, text),
        "revise": lambda: drafting.revise_entry(book, actor, entry_id, text),
        "secrecy": lambda: _assessed(book, actor, entry_id, signing.Paper.SECRECY),
        "personal": lambda: _assessed(book, actor, entry_id, signing.Paper.PERSONAL),
        "sign": lambda: signing.sign_off(book, actor, entry_id, papers),
        "submit": lambda: review.submit_entry(book, actor, entry_id),
        "publish": lambda: review.publish_entry(book, actor, entry_id, digest),
        "return": lambda: review.return_entry(book, actor, entry_id, [MissingPaper(name="x")]),
        "refuse": lambda: review.refuse_entry(book, actor, entry_id, "x"),
        "change": lambda: drafting.begin_change(book, actor, entry_id, "x"),
        "withdraw": lambda: review.withdraw_entry(book, actor, entry_id, "x"),
        "discard": lambda: drafting.discard_draft(book, actor, entry_id),
    }
    return acts[move]()


def _assessed(book: Book, actor: Actor, entry_id: str, paper: signing.Paper) -> object:
    return signing.assess(book, actor, entry_id, paper, ASSESSMENT)


def check_road(connection: Connection) -> None:
    """Insist that each publication has its road behind it, and each state a lawful move."""
    head = head_by_code(connection, DOCUMENT["code"])
    if head is None:
        return
    query = select(catalog_move).where(catalog_move.c.entry_id == head.id)
    lines = connection.execute(query.order_by(catalog_move.c.idx)).all()
    assert lines[-1].state == head.state
    states = [EntryState(line.state) for line in lines]
    for before, after in pairwise(states):
        assert before is after or (before, after) in ENTRY_MOVES
    for place, line in enumerate(lines):
        if line.move != Move.PUBLISHED:
            continue
        submitted, signed = lines[place - 1], lines[place - 2]
        assert (submitted.move, signed.move) == (Move.SUBMITTED, Move.SIGNED_OFF)
        assert {line.digest} == {submitted.digest, signed.digest}
        assert line.organisation != PROVIDER
        assert line.person not in {signed.person, submitted.person}
        found = published_revision(connection, head.id, line.version)
        assert found is not None
        assert found.secrecy is not None
        assert found.personal is not None
        assert found.decided_by not in {found.drafted_by, found.revised_by, found.signed_by}
        assert found.signed_by not in {found.drafted_by, found.revised_by}


def run(steps: list[tuple[int, str]]) -> None:
    """Try the steps on a new store, one after the other; the road is checked after each."""
    import_stores()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        engine = open_engine(f"sqlite:///{home}/control.db")
        metadata.create_all(engine)
        keys, clock = FileKeyStore(home / "keys"), SteppedClock()
        with GroupCommitWriter(engine, keys, clock, "test.example/log", home / "head") as writer:
            book = bare_book(writer)
            label = {"zh": SYSTEM}
            system = {"name": SYSTEM, "label": label, "purpose": label}
            document = SystemDocument.model_validate(system)
            register_system(writer, PEOPLE[0], PROVIDER, document)
            for number, (who, move) in enumerate(steps):
                with reading(engine) as connection:
                    try:
                        tried(book, connection, PEOPLE[who], move, number)
                    except SandgateError:
                        continue
            with reading(engine) as connection:
                check_road(connection)
        engine.dispose()


STEPS = st.tuples(st.integers(0, len(PEOPLE) - 1), st.sampled_from(MOVES))


@given(st.integers(0, len(FIRST_STEPS)), st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=8, deadline=None)
def test_nothing_is_published_but_by_the_whole_road(
    begun: int, steps: list[tuple[int, str]]
) -> None:
    run([*FIRST_STEPS[:begun], *steps])


@pytest.mark.full
@given(st.integers(0, len(FIRST_STEPS)), st.lists(STEPS, min_size=1, max_size=40))
@settings(max_examples=400, deadline=None)
def test_nothing_is_published_but_by_the_whole_road_at_length(
    begun: int, steps: list[tuple[int, str]]
) -> None:
    run([*FIRST_STEPS[:begun], *steps])
