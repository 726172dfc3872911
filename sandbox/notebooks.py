"""What a notebook is to its reviewer and to a run: its code cells in order, and nothing else.

Outputs, metadata, attachments and text cells are stripped; two files with the same code are one
notebook. Its digest also covers the environment: the same code is another notebook elsewhere.
"""

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foundation.canonical import canonical_bytes, digest
from foundation.errors import InvalidInput, Message, Unavailable
from policies.schema.sessions import SessionRules

FORMAT = "sandgate/notebook@1"
ENVIRONMENT_FORMAT = "sandgate/environment@1"
NOTEBOOK_RULE = "policies/sessions: notebook_bytes_max, notebook_cells_max"
NBFORMAT = 4
HASHED_COLUMNS = 2
INSTALLERS = frozenset({"pip", "setuptools", "wheel"})
INSTALLERS_OWN = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "RECORD"})
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufe00-\ufe0d\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]|[\ufe0e\ufe0f]{2}|\r(?!\n)"
)
"""What a reviewer would not see, or would read in another order (CVE-2021-42574)."""


@dataclass(frozen=True)
class Notebook:
    """The code cells of a notebook, in order; empty ones are left out."""

    cells: tuple[str, ...]

    def canonical(self) -> bytes:
        """Return the bytes that are kept, reviewed and run."""
        return canonical_bytes({"format": FORMAT, "cells": list(self.cells)})

    def digest(self, environment_digest: str) -> str:
        """Return what an approval names: the code, in this environment."""
        return digest(
            {"format": FORMAT, "cells": list(self.cells), "environment": environment_digest}
        )


def read_notebook(text: str, rules: SessionRules) -> Notebook:
    """Read an ``.ipynb`` file. Raises InvalidInput for what is none, too large, or without code."""
    if len(text.encode()) > rules.notebook_bytes_max:
        raise _refused(
            "notebook_too_large",
            f"笔记本不得超过 {rules.notebook_bytes_max} 字节。",
            f"A notebook has at most {rules.notebook_bytes_max} bytes.",
        )
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_notebook() from error
    if not isinstance(found, dict) or found.get("nbformat") != NBFORMAT:
        raise _no_notebook()
    listed = found.get("cells")
    if not isinstance(listed, list) or not all(isinstance(cell, dict) for cell in listed):
        raise _no_notebook()
    code = [_source(cell) for cell in listed if cell.get("cell_type") == "code"]
    cells = tuple(source for source in code if source.strip())
    if any(_UNSEEN.search(source) for source in cells):
        raise _refused(
            "notebook_unseen_characters",
            "笔记本的代码含有不可见或改变阅读顺序的字符。",
            "The code of this notebook holds characters that are unseen or change how it reads.",
        )
    if not 1 <= len(cells) <= rules.notebook_cells_max:
        raise _refused(
            "notebook_cells",
            f"笔记本须有 1 至 {rules.notebook_cells_max} 个代码单元。",
            f"A notebook has 1 to {rules.notebook_cells_max} cells of code.",
        )
    return Notebook(cells)


def kept_notebook(content: bytes) -> Notebook:
    """Read a notebook as it was kept. Raises ValueError where it is no such thing."""
    found = json.loads(content)
    notebook = Notebook(tuple(found["cells"]))
    if notebook.canonical() != content:
        raise ValueError("these are not the bytes of a kept notebook")
    return notebook


def environment_digest(environment: Path) -> str:
    """Return the digest of what is installed for sessions, by the digests of its own files.

    What an installer adds of its own (byte code, scripts, its name) is left out, so that one lock
    gives one digest on every host and by every installer.
    Raises Unavailable where there is no environment: nothing could be reviewed or run.
    """
    records = sorted(environment.glob("lib/python3*/site-packages/*.dist-info/RECORD"))
    if not records:
        raise Unavailable(
            "environment_missing",
            Message("会话环境缺失。", "There is no session environment."),
            field="session_environment",
        )
    installed = {
        path.parent.name: _contents(path)
        for path in records
        if path.parent.name.partition("-")[0] not in INSTALLERS
    }
    return digest({"format": ENVIRONMENT_FORMAT, "installed": installed})


def _contents(record: Path) -> dict[str, str]:
    """Return the digest of each file that a distribution came with (PEP 376, PEP 627)."""
    with record.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if len(row) >= HASHED_COLUMNS]
    return {
        row[0]: row[1]
        for row in rows
        if row[1]
        and not row[0].startswith(("..", "/"))
        and Path(row[0]).name not in INSTALLERS_OWN
        and not row[0].endswith(".pyc")
    }


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or not _encodes(source):
        raise _no_notebook()
    return source


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _no_notebook() -> InvalidInput:
    return _refused(
        "notebook_unreadable",
        "该文件不是 nbformat 4 的 Jupyter 笔记本。",
        "This is no Jupyter notebook of nbformat 4.",
    )


def _refused(code: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(
        code,
        Message(zh, en),
        field="$.notebook",
        rule=NOTEBOOK_RULE,
        way_out=Message(
            "请提交 JupyterLab 保存的 .ipynb 文件。",
            "Submit an .ipynb file as JupyterLab saves it.",
        ),
    )


def granted_datasets(names: Sequence[str]) -> tuple[str, ...]:
    """Return the data sets of a licence as an approval names them: each once, in order."""
    return tuple(sorted(set(names)))
