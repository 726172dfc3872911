"""The key holder's process: ``python -m audit.keyholder DIRECTORY``, started by the service or not.

It speaks over the inherited socket it is given, or listens on a path; whoever connects must be the
user it was told, by the kernel's word (SO_PEERCRED). As root it gives itself a uid of its own
before it serves, and from then on alone can read the keys.
"""

import argparse
import contextlib
import ctypes
import fcntl
import os
import resource
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from audit.keyholder.holder import KeyHolder, refusal_name
from audit.keyholder.log_head import Mark
from audit.keyholder.wire import Gone, citation_from_json, receive, send
from foundation.clock import SystemClock
from foundation.errors import InvalidInput, Message, SandgateError, Unavailable
from foundation.keys import CIPHERS, FileKeyStore
from foundation.keys.self_test import self_tests
from foundation.keys.signers import FileSigners, Signers

HOLDER_UID = 64_777  # apart from those of sandboxed children (foundation.confinement_launcher)
LEASE_SECONDS_MAX, LEASE_EVERY_SECONDS = 3.0, 0.05
_PEER = struct.Struct("3i")
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38

Request = Mapping[str, Any]


def answers(holder: KeyHolder) -> Mapping[str, Callable[[Request], object]]:
    """Return what the holder does, by the name of the request."""

    def cited(request: Request) -> Any:
        return citation_from_json(request.get("cited"))

    def mark(request: Request) -> Mark:
        return Mark(int(request["size"]), bytes.fromhex(request["root"]))

    return {
        "public_keys": lambda _r: holder.public_keys(),
        "ensure_signing_key": lambda r: holder.ensure_signing_key(r["name"]).hex(),
        "adopt": lambda r: holder.adopt(str(r["note"])),
        "sign_checkpoint": lambda r: holder.sign_checkpoint(
            str(r["text"]), mark(r), [bytes.fromhex(item) for item in r["proof"]]
        ),
        "sign_sm_checkpoint": lambda r: holder.sign_sm_checkpoint(
            str(r["text"]), mark(r), [bytes.fromhex(item) for item in r["proof"]]
        ).hex(),
        "confirm": lambda r: holder.confirm(mark(r)),
        "sign": lambda r: holder.sign(r["name"], bytes.fromhex(r["data"]), cited(r)).hex(),
        "ensure_sm2_key": lambda r: holder.ensure_sm2_key(r["name"]).hex(),
        "sign_sm2": lambda r: holder.sign_sm2(r["name"], bytes.fromhex(r["data"]), cited(r)).hex(),
        "create_data_key": lambda r: holder.create_data_key(r["name"], cited(r)).hex(),
        "data_key": lambda r: holder.data_key(r["name"], cited(r)).hex(),
        "ensure_data_key": lambda r: holder.ensure_data_key(r["name"], cited(r)).hex(),
        "keyed_digest": lambda r: holder.keyed_digest(r["name"], bytes.fromhex(r["data"])).hex(),
        "destroy": lambda r: holder.destroy(r["name"], cited(r)),
        "inventory": lambda _r: [asdict(record) for record in holder.inventory()],
        "begin_rotation": lambda _r: holder.begin_rotation(),
        "finish_rotation": lambda r: holder.finish_rotation(cited(r)).hex(),
        "rewrap": lambda _r: list(holder.rewrap()),
        "uid": lambda _r: os.geteuid(),
    }


def serve(channel: socket.socket, holder: KeyHolder, peer_uid: int) -> None:
    """Answer one caller until it leaves. A caller of another uid is cut off unheard."""
    _, uid, _ = _PEER.unpack(channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    if uid != peer_uid:
        holder.note_refusal("connect", "", "peer_uid")
        return
    known = answers(holder)
    with contextlib.suppress(Gone, OSError):
        while True:
            send(channel, _answer(known, holder, receive(channel)))


def _answer(
    known: Mapping[str, Callable[[Request], object]], holder: KeyHolder, request: Request
) -> dict[str, object]:
    what = str(request.get("what"))
    try:
        if what not in known:
            raise _no_request()
        return {"value": known[what](request)}
    except SandgateError as refusal:
        holder.note_refusal(what, refusal_name(request), refusal.code)
        return _as_json(refusal)
    except (KeyError, ValueError, TypeError, AttributeError):
        return _as_json(_no_request())


def _as_json(refusal: SandgateError) -> dict[str, object]:
    way_out = refusal.way_out
    return {
        "error": type(refusal).__name__,
        "code": refusal.code,
        "message": [refusal.message.zh, refusal.message.en],
        "way_out": None if way_out is None else [way_out.zh, way_out.en],
        "rule": refusal.rule,
    }


def _no_request() -> InvalidInput:
    return InvalidInput(
        "key_request_invalid",
        Message("密钥请求格式不对。", "This is no request to the key holder."),
    )


def _signers(options: argparse.Namespace, keys: Path) -> Signers:
    if options.pkcs11_module is None:
        return FileSigners(keys)
    from foundation.keys.pkcs11 import Pkcs11Signers  # noqa: PLC0415 - only where a token is used

    pin = options.pkcs11_pin_file.read_text(encoding="utf-8").strip()
    return Pkcs11Signers(options.pkcs11_module, options.pkcs11_token, pin)


def become(directory: Path, uid: int) -> None:
    """Give the directory to a uid of our own and become it; does nothing where we are not root."""
    if os.geteuid() == 0 and uid:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, uid, uid)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _take_lease() -> int:
    """Hold the directory alone: two holders would sign two histories. Raises Unavailable."""
    lease = os.open("lease", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(int(LEASE_SECONDS_MAX / LEASE_EVERY_SECONDS)):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lease
        time.sleep(LEASE_EVERY_SECONDS)  # one whose service was killed is about to leave
    raise Unavailable(
        "key_holder_running",
        Message(
            "另一个密钥保管进程正在使用该目录。", "Another key holder has this directory already."
        ),
        way_out=Message("请先停止平台。", "Stop the platform first."),
    )


def _test_algorithms(options: argparse.Namespace) -> None:
    """Refuse to hold keys for an algorithm that does not give its standard's answer here."""
    used = {"SHA-256", "Ed25519", "AES-256-GCM", options.cipher} | (
        {"SM2", "SM3"} if options.sm2 else set()
    )
    failed = sorted(
        test.algorithm for test in self_tests() if test.algorithm in used and not test.passed
    )
    if failed:
        names = "、".join(failed)
        raise Unavailable(
            "algorithm_self_test_failed",
            Message(
                f"算法自检未通过：{names}，密钥保持关闭。",
                f"These algorithms failed their self-test: {names}; keys stay closed.",
            ),
            rule="GB/T 39786",
        )


def _listening(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o666)  # the kernel says who connects; a file mode would say it twice
    listener.listen(1)
    return listener


def main(argv: list[str]) -> int:
    """Own the directory and serve until the caller leaves."""
    parser = argparse.ArgumentParser(prog="keyholder")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--peer-uid", type=int, required=True)
    parser.add_argument("--descriptor", type=int)
    parser.add_argument("--listen", type=Path)
    parser.add_argument("--uid", type=int, default=HOLDER_UID)
    parser.add_argument("--cipher", choices=tuple(CIPHERS), default="AES-256-GCM")
    parser.add_argument("--sm2", action="store_true")
    parser.add_argument("--pkcs11-module", type=Path)
    parser.add_argument("--pkcs11-token", default="")
    parser.add_argument("--pkcs11-pin-file", type=Path)
    options = parser.parse_args(argv)
    listener = None if options.listen is None else _listening(options.listen)
    options.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chdir(options.directory)  # a uid of our own may not come here by the path
    lease = _take_lease()
    directory, keys = Path(), Path("keys")
    signers = _signers(options, keys)
    store = FileKeyStore(keys, cipher=CIPHERS[options.cipher], signers=signers)
    _test_algorithms(options)
    become(directory, options.uid)
    holder = KeyHolder(directory, store, SystemClock(), options.origin, sm2=options.sm2)
    if listener is not None:
        while True:
            channel, _ = listener.accept()
            with channel:
                serve(channel, holder, options.peer_uid)
    with socket.socket(fileno=options.descriptor) as channel:
        serve(channel, holder, options.peer_uid)
    os.close(lease)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SandgateError as refusal:
        sys.exit(f"{refusal.message.zh} {refusal.message.en} [{refusal.code}]")
