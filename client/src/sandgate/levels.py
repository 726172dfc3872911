"""The levels of a privacy budget in plain words: who shares what, and what ends first."""

from typing import Any

from sandgate.language import pick

_NAMES = {
    "population": ("这一人群（所有授权共用）", "these people (shared by all licences)"),
    "lineage": ("这批数据（所有授权共用）", "these data (shared by all licences)"),
    "period": ("本期（所有授权共用）", "this period (shared by all licences)"),
    "licence": ("本授权", "this licence"),
    "project": ("本项目", "this project"),
}


def level_name(kind: Any) -> str:
    """Return a level's name in the operator's language; an unknown kind stands as it is."""
    return pick(*_NAMES.get(str(kind), (str(kind), str(kind))))


def sentence_start(name: str) -> str:
    """Return a name as a sentence begins with it."""
    return name[:1].upper() + name[1:]
