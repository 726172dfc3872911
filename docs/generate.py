"""Writes the reference pages that follow from the code; ``--check`` fails where one is stale."""

import sys
from pathlib import Path

from audit.tags import KIND_SENTENCES, EntryKind
from authorization.licences import LICENCE_TRANSITIONS
from disclosure.release.states import RELEASE_TRANSITIONS
from foundation.settings import Settings
from policies.load import load_policies
from sandbox.sessions import SESSION_TRANSITIONS

REFERENCE = Path(__file__).parent / "reference"
HEAD = "<!-- written by ./dev docs; edit the code instead -->\n\n"


def entry_kinds() -> str:
    """List every kind of log entry with its sentence."""
    lines = ["# Entry kinds · 日志条目种类", "", "| kind | 中文 | English |", "|---|---|---|"]
    for kind in EntryKind:
        sentence = KIND_SENTENCES[kind]
        lines.append(f"| `{kind.value}` | {sentence.zh} | {sentence.en} |")
    return "\n".join(lines) + "\n"


def settings() -> str:
    """List every setting with its variable and default."""
    lines = ["# Settings · 设置", "", "| variable | default |", "|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else str(field.default)
        lines.append(f"| `SANDGATE_{name.upper()}` | `{default}` |")
    return "\n".join(lines) + "\n"


def states() -> str:
    """Draw each state table as a diagram."""
    parts = ["# States · 状态"]
    for title, table in (
        ("Licence · 授权", LICENCE_TRANSITIONS),
        ("Session · 会话", SESSION_TRANSITIONS),
        ("Release · 出域", RELEASE_TRANSITIONS),
    ):
        arrows = "\n".join(
            f"    {old} --> {_target(new)}: {move}" for (old, move), new in table.items()
        )
        parts.append(f"## {title}\n\n```mermaid\nstateDiagram-v2\n{arrows}\n```")
    return "\n\n".join(parts) + "\n"


def rules() -> str:
    """List every rule file with its digest."""
    pack = load_policies()
    lines = ["# Rule files · 规则文件", "", "| file | SHA-256 |", "|---|---|"]
    lines += [f"| `{path}` | `{digest}` |" for path, digest in sorted(pack.file_digests.items())]
    return "\n".join(lines) + "\n"


def _target(new: object) -> object:
    return new[0] if isinstance(new, tuple) else new


PAGES = {
    "entry-kinds.md": entry_kinds,
    "settings.md": settings,
    "states.md": states,
    "rules.md": rules,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` name those that are stale and return 1."""
    REFERENCE.mkdir(exist_ok=True)
    stale = []
    for name, page in PAGES.items():
        path, text = REFERENCE / name, HEAD + page()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print("stale:", ", ".join(stale), "- run ./dev docs")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
