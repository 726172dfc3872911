"""The operator's language: every sentence of the SDK stands in Chinese and in English."""

import os
from typing import Any, Literal

Language = Literal["zh", "en"]
_chosen: list[Language] = []


def language(choice: Language | None = None) -> Language:
    """Choose the language, or with no argument say which one is in use."""
    if choice is not None:
        if choice not in {"zh", "en"}:
            raise ValueError("language is 'zh' or 'en'")
        _chosen[:] = [choice]
    return _chosen[0] if _chosen else _from_environment()


def _from_environment() -> Language:
    for variable in ("SANDGATE_LANGUAGE", "LC_ALL", "LANG"):
        value = os.environ.get(variable, "").lower()
        if value:
            return "zh" if value.startswith("zh") else "en"
    return "en"


def pick(zh: str, en: str) -> str:
    """Return the sentence in the language in use."""
    return zh if language() == "zh" else en


def pick_from(texts: Any) -> str:
    """Return the right sentence of ``{"zh": …, "en": …}``; a plain string stands as it is."""
    if isinstance(texts, dict):
        preferred = texts.get(language()) or texts.get("en") or texts.get("zh")
        return str(preferred) if preferred else ""
    return "" if texts is None else str(texts)
