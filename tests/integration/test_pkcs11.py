"""Signing keys in a PKCS#11 token, tried with SoftHSM2: made and used inside, never read out."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, no_effect
from audit.keyholder.__main__ import HOLDER_UID
from audit.keyholder.client import HolderOptions, start_holder
from audit.notes import open_checkpoint
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import metadata
from foundation.errors import Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore, signature_holds
from foundation.keys.pkcs11 import Pkcs11Signers
from foundation.keys.signers import SM2
from tests.fakes import SteppedClock
from tests.parts import need_softhsm

pytestmark = need_softhsm
MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
LABEL, PIN = "sandgate-test", "1234"


def make_token(home: Path, patch: pytest.MonkeyPatch) -> None:
    """Make a token of its own; SoftHSM reads its place from the environment."""
    (home / "tokens").mkdir()
    configuration = home / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {home}/tokens\n", encoding="utf-8")
    patch.setenv("SOFTHSM2_CONF", str(configuration))
    command = [shutil.which("softhsm2-util") or "", "--init-token", "--free"]
    command += ["--label", LABEL, "--pin", PIN, "--so-pin", "5678"]
    subprocess.run(command, check=True, capture_output=True)
    (home / "pin").write_text(PIN, encoding="utf-8")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home, patch = tmp_path_factory.mktemp("softhsm"), pytest.MonkeyPatch()
    make_token(home, patch)
    yield home
    patch.undo()


@pytest.fixture
def token_of_holder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A token that the holder's uid may read, as a device's driver would let it."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        home.chmod(0o755)
        make_token(home, monkeypatch)
        if os.geteuid() == 0:
            for path in home.rglob("*"):
                os.chown(path, HOLDER_UID, HOLDER_UID)
        yield home


@pytest.fixture(scope="module")
def signers(token: Path) -> Pkcs11Signers:
    assert token.exists()
    return Pkcs11Signers(MODULE, LABEL, PIN)


def test_a_missing_token_or_a_wrong_module_is_refused(token: Path, tmp_path: Path) -> None:
    assert token.exists()
    with pytest.raises(Unavailable, match="token_unavailable"):
        Pkcs11Signers(MODULE, "no such token", PIN)
    with pytest.raises(Unavailable, match="token_unavailable"):
        Pkcs11Signers(tmp_path / "no-module.so", LABEL, PIN)


def test_what_the_token_cannot_make_is_refused(signers: Pkcs11Signers) -> None:
    with pytest.raises(Unavailable, match="token_lacks_mechanism"):
        signers.make("log", SM2)
    with pytest.raises(Unavailable, match="key_unavailable"):
        signers.sign("never-made", b"x")


def test_signatures_are_plain_ed25519(signers: Pkcs11Signers, tmp_path: Path) -> None:
    keys = FileKeyStore(tmp_path, signers=signers)
    public = keys.ensure_signing_key("unit")
    assert signature_holds(public, keys.sign("unit", b"message"), b"message")
    assert not (tmp_path / "unit").exists()
    following = keys.next_public_key("unit", make=True)
    assert keys.turn_over("unit") == following
    places = {(r.version, r.place) for r in keys.inventory() if r.name == "unit"}
    assert places == {(1, "PKCS#11"), (2, "PKCS#11")}


def test_the_key_holder_signs_the_log_with_the_token(
    token_of_holder: Path, engine: Engine, tmp_path: Path
) -> None:
    options = HolderOptions(
        tmp_path / "holder",
        "test.example/log",
        sm2=True,
        pkcs11_module=MODULE,
        pkcs11_token=LABEL,
        pkcs11_pin_file=token_of_holder / "pin",
    )
    metadata.create_all(engine)
    holder = start_holder(options)
    head = tmp_path / "head"
    with GroupCommitWriter(engine, holder, SteppedClock(), "test.example/log", head) as writer:
        writer.submit(AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR), no_effect)
        assert open_checkpoint(writer.head(), writer.verifier_key).size == 1
    log_key = next(r for r in holder.inventory() if (r.name, r.kind) == ("log", "Ed25519"))
    assert log_key.place == "PKCS#11"
    holder.close()
    assert not (tmp_path / "holder" / "keys" / "log").exists()
