"""A witness on disk: its name, the log keys it was told to trust, its keys and its memory.

``init`` makes all of it once. Log keys are added by hand, from outside the platform; a key once
trusted stays, so that a log's key can change while its history goes on.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from audit.notes import BadNote, VerifierKey, parse_verifier_key
from audit.witness.keys import WitnessKeys, create_keys
from audit.witness.memory import WitnessMemory, create_memory
from audit.witness.witness import Witness
from foundation.clock import Clock
from foundation.errors import Conflict, InvalidInput, Message, Unavailable

_ABOUT = "witness.json"
_KEYS = "keys"
_MEMORY = "memory.db"


class WitnessDirectory:
    """Where one witness keeps everything; only its own account may read it."""

    def __init__(self, path: Path) -> None:
        """Stand over a directory; nothing is read yet."""
        self._path = path

    def create(self, name: str) -> None:
        """Make keys, an empty memory and no trust. Raises Conflict where a witness lives here."""
        if not name or "+" in name or any(sign.isspace() for sign in name):
            raise InvalidInput(
                "witness_name_invalid",
                Message(
                    "见证方名称不得为空，不得含空格或加号，建议用不带协议的网址。",
                    "A witness's name is not empty and has no space or plus; use a URL without "
                    "its scheme.",
                ),
                field="name",
            )
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self._path / _ABOUT).exists():
            raise Conflict(
                "witness_exists",
                Message("该目录中已有见证方。", "A witness lives in this directory already."),
            )
        create_keys(self._path / _KEYS)
        create_memory(self._path / _MEMORY)
        self._write({"name": name, "log_keys": []})

    def trust(self, text: str) -> VerifierKey:
        """Trust a log's verifier key from now on. Raises InvalidInput where it is none."""
        try:
            key = parse_verifier_key(text)
        except BadNote as error:
            raise InvalidInput(
                "log_key_invalid",
                Message(
                    "日志公钥格式应为 名称+指纹+Ed25519 公钥。",
                    "A log key reads name+hash+key, with an Ed25519 key.",
                ),
                field="log_key",
            ) from error
        about = self._about()
        if key.text() not in about["log_keys"]:
            self._write({**about, "log_keys": [*about["log_keys"], key.text()]})
        return key

    @property
    def name(self) -> str:
        """The witness's name in its signature lines."""
        return str(self._about()["name"])

    @property
    def log_keys(self) -> tuple[VerifierKey, ...]:
        """The log keys that are trusted."""
        return tuple(parse_verifier_key(text) for text in self._about()["log_keys"])

    def keys(self) -> WitnessKeys:
        """Open the witness's own keys."""
        return WitnessKeys(self._path / _KEYS, self.name)

    def memory(self) -> WitnessMemory:
        """Open the witness's memory."""
        return WitnessMemory(self._path / _MEMORY)

    def witness(self, clock: Clock, *, fault: Callable[[str], None] | None = None) -> Witness:
        """Open the witness. Raises Unavailable where a part is missing."""
        return Witness(self.keys(), self.memory(), self.log_keys, clock, fault=fault)

    def _about(self) -> dict[str, list[str]]:
        try:
            about: dict[str, list[str]] = json.loads((self._path / _ABOUT).read_bytes())
        except (OSError, ValueError) as error:
            raise Unavailable(
                "witness_missing",
                Message(
                    "该目录中没有见证方，请先运行 sandgate witness init。",
                    "No witness lives in this directory; run `sandgate witness init` first.",
                ),
            ) from error
        return about

    def _write(self, about: dict[str, object]) -> None:
        path = self._path / _ABOUT
        fresh = path.with_name(f"{_ABOUT}.new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(about, file, ensure_ascii=False, indent=2)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
