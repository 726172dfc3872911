"""A bank's bytes are a stranger's: what is odd in them is refused by a code and nothing else."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from foundation.errors import InvalidInput
from revenue.settlement_files.return_forms import (
    BYTES_MAX,
    ReturnRefused,
    from_json,
    read_return,
)
from revenue.settlement_files.return_reader import ConfinedReturnReader
from tests.parts import need_namespaces
from tests.unit.revenue.bank_answers import answer, answer_csv

ONE = answer("file_x", [("a-1", "ACSC")])
HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "external entity": (
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + ONE,
        *("pain.002", "declarations_refused"),
    ),
    "external document type": (
        b'<!DOCTYPE d SYSTEM "http://127.0.0.1:1/x.dtd">' + ONE,
        *("pain.002", "declarations_refused"),
    ),
    "billion laughs": (
        b'<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><l>&b;</l>',
        *("pain.002", "declarations_refused"),
    ),
    "parameter entity": (
        b'<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]>' + ONE,
        *("pain.002", "declarations_refused"),
    ),
    "stylesheet": (b'<?xml-stylesheet href="x"?>' + ONE, "pain.002", "declarations_refused"),
    "undeclared entity": (ONE.replace(b"a-1", b"&x;"), "pain.002", "unreadable"),
    "cut short": (ONE[:-9], "pain.002", "unreadable"),
    "nothing": (b"", "pain.002", "unreadable"),
    "not XML": (b"\x00\x01\x02", "pain.002", "unreadable"),
    "odd encoding": (b'<?xml version="1.0" encoding="utf-7"?>' + ONE, "pain.002", "unreadable"),
    "another namespace": (ONE.replace(b"pain.002", b"pain.008"), "pain.002", "namespace_unknown"),
    "no message": (ONE.replace(b"OrgnlMsgId", b"MsgId"), "pain.002", "message_not_named"),
    "deep": (
        ONE.replace(b"<TxInfAndSts>", b"<x>" * 30 + b"<TxInfAndSts>"),
        *("pain.002", "too_large"),
    ),
    "long text": (ONE.replace(b"a-1", b"a" * 5_000), "pain.002", "too_large"),
    "unknown status": (ONE.replace(b"ACSC", b"NICE"), "pain.002", "status_unknown"),
    "name with markup": (ONE.replace(b"a-1", b"&lt;b&gt;"), "pain.002", "end_to_end_id_invalid"),
    "a line twice": (
        answer("file_x", [("a-1", "ACSC"), ("a-1", "RJCT")]),
        *("pain.002", "line_named_twice"),
    ),
    "a part twice": (
        ONE.replace(b"<TxSts>ACSC</TxSts>", b"<TxSts>ACSC</TxSts><TxSts>RJCT</TxSts>"),
        *("pain.002", "line_part_named_twice"),
    ),
    "too many bytes": (b" " * (BYTES_MAX + 1), "pain.002", "too_large"),
    "unknown form": (ONE, "xlsx", "form_unknown"),
    "CSV of other columns": (b"a,b\n1,2\n", "csv", "columns_unknown"),
    "CSV of no rows": (answer_csv([]), "csv", "empty"),
    "CSV row too short": (answer_csv([])[:-1] + b"\na,paid\n", "csv", "row_invalid"),
    "CSV formula": (answer_csv([("=1+1", "paid", "1.00", "")]), "csv", "end_to_end_id_invalid"),
    "CSV negative": (answer_csv([("a-1", "paid", "-1.00", "")]), "csv", "amount_invalid"),
    "CSV third decimal": (answer_csv([("a-1", "paid", "1.001", "")]), "csv", "amount_invalid"),
    "CSV exponent": (answer_csv([("a-1", "paid", "1e5", "")]), "csv", "amount_invalid"),
    "CSV zero": (answer_csv([("a-1", "paid", "0.00", "")]), "csv", "amount_invalid"),
    "CSV not UTF-8": (b"\xff\xfe\x00", "csv", "unreadable"),
    "CSV open quote": (answer_csv([])[:-1] + b'\n"a,paid', "csv", "unreadable"),
}


@pytest.mark.parametrize(("data", "form", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused_by_a_code(data: bytes, form: str, code: str) -> None:
    with pytest.raises(ReturnRefused, match=f"^{code}$"):
        read_return(data, form)


@pytest.mark.parametrize(
    "word",
    [
        b"",
        b"[]",
        b'{"lines":[],"message_id":null,"group":"maybe","waiting":0}',
        b'{"lines":[],"message_id":"<x>","group":null,"waiting":0}',
        b'{"lines":[],"message_id":null,"group":null,"waiting":true}',
        b'{"lines":[{"end_to_end_id":"a","status":"paid","fen":1.5}],"message_id":null}',
        b"[" * 100_000,
    ],
)
def test_not_even_the_childs_word_is_trusted(word: bytes) -> None:
    with pytest.raises(ReturnRefused):
        from_json(word)


@need_namespaces
def test_a_confined_child_reads_and_refuses_alike() -> None:
    read: Callable[[bytes, str], object] = ConfinedReturnReader(Path(sys.prefix))
    assert read(ONE, "pain.002") == read_return(ONE, "pain.002")
    for name in ("external entity", "cut short", "CSV formula"):
        data, form, code = HOSTILE[name]
        with pytest.raises(InvalidInput, match=re.escape(f"({code})")):
            read(data, form)
