"""The service's side: a ``KeyStore`` that asks the key holder, and starts it where told to.

One conversation, one request at a time. Whatever breaks it, keys are gone: fail closed.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.keyholder.log_head import Mark
from audit.keyholder.wire import Gone, citation_as_json, receive, send
from foundation.errors import (
    Denied,
    InvalidInput,
    Message,
    SandgateError,
    Unavailable,
)
from foundation.keys import Citation, KeyRecord

ANSWER_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 10.0
_ERRORS: dict[str, type[SandgateError]] = {
    kind.__name__: kind for kind in (Denied, InvalidInput, Unavailable)
}


@dataclass(frozen=True)
class HolderOptions:
    """How a key holder is started: its directory, the log it signs, and what it signs with."""

    directory: Path
    origin: str
    cipher: str = "AES-256-GCM"
    sm2: bool = False
    pkcs11_module: Path | None = None
    pkcs11_token: str = ""
    pkcs11_pin_file: Path | None = None

    def arguments(self) -> list[str]:
        """Return the command's arguments."""
        found = [str(self.directory), "--origin", self.origin, "--cipher", self.cipher]
        if self.sm2:
            found.append("--sm2")
        if self.pkcs11_module is not None:
            found += ["--pkcs11-module", str(self.pkcs11_module)]
            found += ["--pkcs11-token", self.pkcs11_token]
            found += ["--pkcs11-pin-file", str(self.pkcs11_pin_file)]
        return found


class RemoteKeyStore:
    """Implements ``foundation.keys.KeyStore`` over a conversation with the key holder."""

    def __init__(
        self, channel: socket.socket, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        """Speak over a connected socket; ``process`` is ended with it."""
        channel.settimeout(ANSWER_SECONDS_MAX)
        self._channel = channel
        self._process = process
        self._asking = threading.Lock()

    def public_keys(self) -> dict[str, str]:
        """Return the log's public keys by kind, in hexadecimal."""
        found: dict[str, str] = self._ask("public_keys")
        return found

    def ensure_signing_key(self, name: str) -> bytes:
        """Make an Ed25519 key if there is none; return its 32 public bytes."""
        return bytes.fromhex(self._ask("ensure_signing_key", name=name))

    def sign(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign for a cited entry (64 bytes). Raises Denied where it does not allow it."""
        found = self._ask("sign", name=name, data=data.hex(), cited=citation_as_json(cited))
        return bytes.fromhex(found)

    def ensure_sm2_key(self, name: str) -> bytes:
        """Make an SM2 key if there is none; return its 64 public bytes."""
        return bytes.fromhex(self._ask("ensure_sm2_key", name=name))

    def sign_sm2(self, name: str, data: bytes, cited: Citation | None = None) -> bytes:
        """Sign with SM2 for a cited entry (64 bytes). Raises Denied where it does not allow it."""
        found = self._ask("sign_sm2", name=name, data=data.hex(), cited=citation_as_json(cited))
        return bytes.fromhex(found)

    def create_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Make a new 32-byte key for a cited entry."""
        return self._key("create_data_key", name, cited)

    def data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Open a data key for a cited entry."""
        return self._key("data_key", name, cited)

    def ensure_data_key(self, name: str, cited: Citation | None = None) -> bytes:
        """Open a data key for a cited entry, made at first use."""
        return self._key("ensure_data_key", name, cited)

    def destroy(self, name: str, cited: Citation | None = None) -> None:
        """Destroy a key for good."""
        self._ask("destroy", name=name, cited=citation_as_json(cited))

    def keyed_digest(self, name: str, data: bytes) -> bytes:
        """Have a digest made under a pepper (32 bytes)."""
        return bytes.fromhex(self._ask("keyed_digest", name=name, data=data.hex()))

    def inventory(self) -> Sequence[KeyRecord]:
        """Name every key there is or was."""
        return [KeyRecord(**record) for record in self._ask("inventory")]

    def adopt(self, note: str) -> None:
        """Hand over the head of a log that was kept without a holder."""
        self._ask("adopt", note=note)

    def sign_checkpoint(self, text: str, base: Mark, proof: Sequence[bytes]) -> dict[str, bytes]:
        """Have a checkpoint signed that extends ``base``; return signatures by kind."""
        found = self._ask(
            "sign_checkpoint",
            text=text,
            size=base.size,
            root=base.root.hex(),
            proof=[item.hex() for item in proof],
        )
        return {kind: bytes.fromhex(signature) for kind, signature in found.items()}

    def sign_sm_checkpoint(self, text: str, base: Mark, proof: Sequence[bytes]) -> bytes:
        """Have a checkpoint of the SM3 log signed with SM2 (64 bytes)."""
        found = self._ask(
            "sign_sm_checkpoint",
            text=text,
            size=base.size,
            root=base.root.hex(),
            proof=[item.hex() for item in proof],
        )
        return bytes.fromhex(found)

    def confirm(self, mark: Mark) -> None:
        """Tell that a checkpoint is durable."""
        self._ask("confirm", size=mark.size, root=mark.root.hex())

    def begin_rotation(self) -> dict[str, str]:
        """Have the log's next key made and stated."""
        found: dict[str, str] = self._ask("begin_rotation")
        return found

    def finish_rotation(self, cited: Citation) -> bytes:
        """Have the next key made current for its entry."""
        return bytes.fromhex(self._ask("finish_rotation", cited=citation_as_json(cited)))

    def rewrap(self) -> tuple[int, int]:
        """Have all data keys wrapped anew; return the wrapping key's version and how many."""
        version, count = self._ask("rewrap")
        return version, count

    def uid(self) -> int:
        """Return the uid under which the holder runs."""
        return int(self._ask("uid"))

    def close(self) -> None:
        """Leave; a holder that was started for us ends with it."""
        self._channel.close()
        if self._process is not None:
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _key(self, what: str, name: str, cited: Citation | None) -> bytes:
        return bytes.fromhex(self._ask(what, name=name, cited=citation_as_json(cited)))

    def _ask(self, what: str, **about: object) -> Any:
        with self._asking:
            try:
                send(self._channel, {"what": what, **about})
                answer = receive(self._channel)
            except (OSError, Gone) as error:
                self._channel.close()
                raise _gone() from error
        if "value" in answer:
            return answer["value"]
        raise _refusal(answer)


def start_holder(options: HolderOptions) -> RemoteKeyStore:
    """Start a key holder for this process alone, over a socket that only the two have.

    Raises Unavailable where it does not answer.
    """
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    command = [sys.executable, "-m", "audit.keyholder", *options.arguments()]
    command += ["--peer-uid", str(os.geteuid()), "--descriptor", str(its.fileno())]
    with its:
        process = subprocess.Popen(
            command,
            pass_fds=[its.fileno()],
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # it ends when we leave, not when a terminal says so
        )
    return _answering(RemoteKeyStore(ours, process))


def connect_holder(path: Path) -> RemoteKeyStore:
    """Connect to a key holder that runs by itself. Raises Unavailable where none answers."""
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.connect(str(path))
    except OSError as error:
        channel.close()
        raise _gone() from error
    return _answering(RemoteKeyStore(channel))


def _answering(store: RemoteKeyStore) -> RemoteKeyStore:
    try:
        store.public_keys()
    except BaseException:
        store.close()
        raise
    return store


def _refusal(answer: dict[str, Any]) -> SandgateError:
    try:
        way_out = answer["way_out"]
        return _ERRORS[answer["error"]](
            str(answer["code"]),
            Message(*answer["message"]),
            rule=answer["rule"],
            way_out=None if way_out is None else Message(*way_out),
        )
    except (KeyError, TypeError):
        return _gone()


def _gone() -> Unavailable:
    return Unavailable(
        "key_holder_gone",
        Message(
            "密钥保管进程没有应答，密钥不可用，平台暂停服务。",
            "The key holder does not answer, so no key can be used; the platform stands still.",
        ),
        rule="I3",
        way_out=Message("请重新启动平台。", "Start the platform again."),
    )
