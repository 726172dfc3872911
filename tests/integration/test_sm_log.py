"""The SM3 log: every entry under SM3 in its own log, checked offline by the SM2 key alone."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from audit.events import AuditEvent, no_effect
from audit.export import export_bundle
from audit.keyholder.client import RemoteKeyStore
from audit.keyholder.log_head import Mark
from audit.notes import Checkpoint, VerifierKey, parse_checkpoint
from audit.sm_digest import sm3
from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from audit.verify.sm_log import root_of
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.key_opening import sm_log_files, sm_log_of
from tests.city import City, opened_city
from tests.parts import need_namespaces

pytestmark = need_namespaces
ENTRIES = 300  # more than one tile


@dataclass(frozen=True)
class Exported:
    city: City
    bundle: Path
    key: VerifierKey
    chinese: VerifierKey


def record(city: City, count: int) -> None:
    event = AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR, {"mode": "test"})
    with ThreadPoolExecutor(32) as many:
        list(many.map(lambda _: city.platform.log.submit(event, no_effect), range(count)))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    home = tmp_path_factory.mktemp("sm")
    settings = Settings(home=home / "home", key_holder="process", sm_profile=True)
    with opened_city(settings.home, settings=settings) as city:
        platform = city.platform
        sm_log_files(settings, platform.opened_keys, platform.engine)
        record(city, ENTRIES)
        files = sm_log_files(settings, platform.opened_keys, platform.engine)
        key, out = platform.log.verifier_key, home / "bundle.zip"
        export_bundle(platform.engine, platform.writer, SYSTEM_ACTOR, key=key, files=files, out=out)
        chinese = platform.opened_keys.signer.verifier_keys[-1]
        yield Exported(city, out, key, chinese)


def told(exported: Exported, bundle: Path, key: VerifierKey) -> tuple[int, dict[str, int | None]]:
    out = io.StringIO()
    arguments = ["bundle", str(bundle), "--key", exported.key.text(), "--sm-key", key.text()]
    with redirect_stdout(out):
        code = verify([*arguments, "--json"])
    findings = json.loads(out.getvalue())["findings"]
    return code, {item["code"]: item["index"] for item in findings}


def changed(source: Path, target: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, files.get(name, old.read(name)))
    return target


def test_both_logs_of_one_bundle_hold(exported: Exported) -> None:
    code, found = told(exported, exported.bundle, exported.chinese)
    assert code == 0, found
    assert {"sm_log_holds", "sm2_line_holds"} <= set(found)


def test_a_changed_tile_or_checkpoint_of_the_sm3_log_is_named(
    exported: Exported, tmp_path: Path
) -> None:
    with zipfile.ZipFile(exported.bundle) as bundle:
        tile = bytearray(bundle.read("sm/tile/0/000"))
        note = bundle.read("sm/checkpoint")
    tile[32 * 7] ^= 1
    _, found = told(
        exported,
        changed(exported.bundle, tmp_path / "a.zip", {"sm/tile/0/000": bytes(tile)}),
        exported.chinese,
    )
    assert found["sm_entry_changed"] == 7
    forged = note.replace(b"\n", b"0\n", 2)
    _, found = told(
        exported,
        changed(exported.bundle, tmp_path / "b.zip", {"sm/checkpoint": forged}),
        exported.chinese,
    )
    assert "sm_checkpoint_not_signed" in found


def test_another_sm2_key_vouches_for_nothing(exported: Exported, tmp_path: Path) -> None:
    other = FileKeyStore(tmp_path).ensure_signing_key("log-sm2", "SM2")
    stranger = VerifierKey(exported.chinese.name, other, exported.chinese.kind)
    code, found = told(exported, exported.bundle, stranger)
    assert code == 1
    assert {"sm2_line_fails", "sm_checkpoint_not_signed"} <= set(found)


def test_the_root_is_that_of_rfc_6962_under_sm3(exported: Exported) -> None:
    with zipfile.ZipFile(exported.bundle) as bundle:
        head = parse_checkpoint(bundle.read("sm/checkpoint").decode())
        tiles = [bundle.read(name) for name in sorted(bundle.namelist()) if "sm/tile/0/" in name]
    data = b"".join(tiles)
    leaves = [data[i : i + 32] for i in range(0, len(data), 32)]
    assert head.size == len(leaves) > ENTRIES
    assert root_of(leaves) == head.root
    assert head.root != sm3(b"").digest()


def test_the_holder_signs_no_rebuilt_sm3_log(exported: Exported) -> None:
    platform = exported.city.platform
    holder = platform.keys
    assert isinstance(holder, RemoteKeyStore)
    found = sm_log_of(platform.settings, platform.opened_keys)
    assert found is not None
    origin = found.verifier_key.name
    forged = Checkpoint(origin, 5, bytes(32))
    with pytest.raises(Denied, match="checkpoint_base_unknown"):
        holder.sign_sm_checkpoint(forged.text(), Mark(0, sm3(b"").digest()), [])
    other = Checkpoint("another.example/log-sm3", 5, bytes(32))
    with pytest.raises(Denied, match="checkpoint_of_another_log"):
        holder.sign_sm_checkpoint(other.text(), Mark(0, sm3(b"").digest()), [])
