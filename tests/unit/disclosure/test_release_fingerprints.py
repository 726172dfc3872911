"""Marks name a copy, change no value, and say plainly when they name nobody."""

import csv
import io
import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disclosure.release.encoding import encode_table, ordered
from disclosure.release.fingerprints import agreement, expected, marked, read_cells, seen

CELLS = st.text(max_size=12) | st.sampled_from(
    ['a "quoted" word', "one, two", "two\nlines", "=1+1", "true", "12.5", "", "甲乙", "x" * 20]
)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8)
)
SECRET, OTHER = b"s" * 32, b"o" * 32


def csv_of(rows: list[list[str]]) -> bytes:
    width = len(rows[0]) if rows else 1
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in range(width)]
    return encode_table(ordered(pa.table(columns, names=[f"c{place}" for place in range(width)])))


def values(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@given(TABLES)
def test_a_copy_has_equal_values_and_gives_back_the_desks_own_bytes(rows: list[list[str]]) -> None:
    content = csv_of(rows)
    copy = marked(content, "csv", "cpy_x", SECRET)
    assert values(copy) == values(content)
    assert [[cell for cell, _ in row] for row in read_cells(copy.decode())] == values(content)
    plain, quoted = seen(copy.decode())
    assert plain == content
    assert quoted == expected(content, SECRET)


WORDS = csv_of([[f"word {number}", f"name {number}"] for number in range(40)])


def test_marks_tell_two_copies_apart_and_survive_a_few_edits() -> None:
    one, two = (marked(WORDS, "csv", "cpy_x", secret) for secret in (SECRET, OTHER))
    assert one != two
    found = seen(one.decode())[1]
    assert agreement(found, expected(WORDS, SECRET)) == (80, 80)
    assert agreement(found, expected(WORDS, OTHER))[0] < 60
    edited = seen(one.decode().replace('"word 7"', "word 7", 1))[1]
    assert agreement(edited, expected(WORDS, SECRET))[0] >= 79


def test_other_line_ends_change_no_mark() -> None:
    copy = marked(WORDS, "csv", "cpy_x", SECRET).decode()
    assert seen(copy.replace("\n", "\r\n")) == seen(copy)


def test_marks_do_not_survive_another_writer() -> None:
    again = io.StringIO()
    csv.writer(again, lineterminator="\n").writerows(values(marked(WORDS, "csv", "c", SECRET)))
    plain, quoted = seen(again.getvalue())
    assert plain == WORDS
    assert set(quoted) == {"0"}


@pytest.mark.parametrize("text", ['a"b,c\n', '"a"b\n', '"never ends'])
def test_what_is_no_such_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any of them
        seen(text)


def test_a_format_without_room_for_marks_is_handed_over_as_it_is() -> None:
    assert marked(b"\x89PNG", "png", "cpy_x", SECRET) == b"\x89PNG"


def test_a_long_file_of_one_column_is_read_in_a_moment() -> None:
    started = time.process_time()
    assert len(list(read_cells("a\n" * 200_000))) == 200_000
    assert time.process_time() - started < 3
