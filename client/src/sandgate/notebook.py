"""Notebook manners: a refusal is drawn as a card in place of a traceback, and ``%%sandgate``.

The cell still counts as failed, so that nothing after the refused line runs; a cell that expects
its refusal carries the usual ``raises-exception`` tag and "run all" goes on.
"""

import importlib
import sys
from types import TracebackType
from typing import Any

from sandgate import gateway
from sandgate.answers import Answer
from sandgate.estimates import Estimate
from sandgate.refusals import Refused

ESTIMATE = "--estimate"


def draw_refusals() -> None:
    """Have the IPython we run in, if any, show ``Refused`` as a card."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None:
        shell.set_custom_exc((Refused,), _draw)


def load_ipython_extension(shell: Any) -> None:
    """Register ``%%sandgate`` for ``%load_ext sandgate``."""
    shell.set_custom_exc((Refused,), _draw)
    shell.register_magic_function(_cell_magic, magic_kind="cell", magic_name="sandgate")


def _draw(
    shell: Any,
    _type: type[BaseException],
    refusal: Refused,
    _traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    """Show the card, and hand the same text to the reply where a traceback would stand."""
    del tb_offset
    importlib.import_module("IPython.display").display(refusal.mime_bundle(), raw=True)
    lines = refusal.plain().splitlines()
    shell._last_traceback = lines  # noqa: SLF001 - what ipykernel sends with the reply
    return lines


def _cell_magic(line: str, cell: str) -> Answer | Estimate:
    """Ask the SQL of a cell, or price it: ``%%sandgate [--estimate] [name]``.

    The answer, or the estimate, is kept in a variable of that name.
    """
    words = line.split()
    name = " ".join(word for word in words if word != ESTIMATE)
    answer: Answer | Estimate
    answer = gateway.estimate(cell) if ESTIMATE in words else gateway.sql(cell)
    if name.isidentifier():
        importlib.import_module("IPython").get_ipython().user_ns[name] = answer
    elif name:
        raise ValueError(f"%%sandgate takes one variable name, not {name!r}")
    return answer
