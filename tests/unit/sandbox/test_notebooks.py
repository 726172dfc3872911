"""A notebook is its code: what is none is refused, what only looks different is the same."""

import json
from pathlib import Path

import pytest

from foundation.errors import InvalidInput, Unavailable
from policies.load import load_policies
from policies.schema.sessions import SessionRules
from sandbox.notebooks import environment_digest, kept_notebook, read_notebook
from tests.notebooks import ipynb

RULES = load_policies().rules(SessionRules)
SMALL = RULES.model_copy(update={"notebook_bytes_max": 1_000, "notebook_cells_max": 2})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "not json",
        "[" * 100_000,
        ipynb("1", nbformat=3),
        ipynb("1", cells={}),
        ipynb("1", cells=["1"]),
        ipynb("1", cells=[{"cell_type": "code", "source": 7}]),
        ipynb("1", cells=[{"cell_type": "code", "source": [7]}]),
        ipynb("1", cells=[{"cell_type": "code"}]),
        ipynb("x = '\\ud800'").replace("\\\\ud800", "\\ud800"),
    ],
)
def test_what_is_no_notebook_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_notebook(text, RULES)
    assert refusal.value.code == "notebook_unreadable"
    assert refusal.value.way_out is not None


@pytest.mark.parametrize("cells", [(), ("",), (" \n",), ("1", "2", "3")])
def test_a_notebook_has_some_code_and_not_too_much(cells: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="notebook_cells"):
        read_notebook(ipynb(*cells), SMALL)


def test_a_notebook_too_large_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidInput, match="notebook_too_large"):
        read_notebook("字" * 334, SMALL)


def test_outputs_text_and_metadata_change_nothing() -> None:
    plain = json.dumps({"nbformat": 4, "cells": [{"cell_type": "code", "source": "a = 1\nb = 2"}]})
    same = read_notebook(ipynb("a = 1\nb = 2"), RULES)
    assert read_notebook(plain, RULES) == same
    assert kept_notebook(same.canonical()) == same


def test_any_change_of_code_order_or_environment_is_another_notebook() -> None:
    digests = {
        read_notebook(ipynb(*cells), RULES).digest(environment)
        for cells in (("a", "b"), ("b", "a"), ("a\nb",), ("a", "b "), ("a", "b", "c"))
        for environment in ("sha256:1", "sha256:2")
    }
    assert len(digests) == 10


@pytest.mark.parametrize("content", [b"", b"{}", b'{"cells": ["a"]}', b'{"cells":["a"] }'])
def test_kept_bytes_that_are_not_canonical_are_no_notebook(content: bytes) -> None:
    with pytest.raises((ValueError, KeyError)):
        kept_notebook(content)


def test_without_an_environment_nothing_has_a_digest(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        environment_digest(tmp_path)
    record = tmp_path / "lib/python3.11/site-packages/pandas-1.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("pandas/a.py,sha256=one,1\n")
    first = environment_digest(tmp_path)
    record.write_text("pandas/a.py,sha256=two,1\n")
    assert environment_digest(tmp_path) != first


def test_what_an_installer_adds_of_its_own_changes_no_digest(tmp_path: Path) -> None:
    record = tmp_path / "lib/python3.11/site-packages/pandas-1.dist-info/RECORD"
    record.parent.mkdir(parents=True)
    record.write_text("pandas/a.py,sha256=one,1\n")
    first = environment_digest(tmp_path)
    record.write_text(
        "../../../bin/pandas,sha256=x,1\npandas/__pycache__/a.cpython-311.pyc,,\n"
        "pandas-1.dist-info/INSTALLER,sha256=y,1\npandas/a.py,sha256=one,1\n"
    )
    installer = tmp_path / "lib/python3.11/site-packages/pip-26.dist-info/RECORD"
    installer.parent.mkdir()
    installer.write_text("pip/a.py,sha256=z,1\n")
    assert environment_digest(tmp_path) == first
