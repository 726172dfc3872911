"""An insider with the platform's own keys: each attempt is refused, and named for what it is."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from audit.export import export_bundle
from audit.key_requests import request_keys
from audit.keyholder.client import RemoteKeyStore
from audit.keyholder.journal import JOURNAL, Journal, read_journal
from audit.log_signers import HolderSigner
from audit.notes import Checkpoint, VerifierKey, parse_checkpoint
from audit.reading import entry_at
from audit.tags import EntryKind
from audit.tree import EMPTY_ROOT
from audit.verify.__main__ import run as verify
from authorization.documents import LicenceDocument
from authorization.licences import require_licence
from authorization.signing import AUTHORITY_KEY, CONTEXT, sign_licence
from foundation.db import reading
from foundation.errors import Denied, InvalidInput, Unavailable
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.evidence import evidence_files
from service.key_reconciling import reconcile
from tests.attacks.log_scene import Scene, as_log, bodies_of, codes, judged, make_scene, renumbered
from tests.city import City, built_city, opened_city
from tests.city_documents import COUNT_BY_STATE, ROWS_QUESTION, licence_json
from tests.parts import need_namespaces

NAME = "authority.example"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("log"), 60)


def test_a_log_rebuilt_and_signed_again_is_refused_against_an_earlier_checkpoint(
    scene: Scene,
) -> None:
    rebuilt = as_log(renumbered([body for i, body in enumerate(bodies_of(scene)) if i != 7]), scene)
    alone = judged(rebuilt, scene)
    assert alone.exit_code == 0  # by itself it is consistent: that is why checkpoints are kept
    report = judged(rebuilt, scene, scene.earlier())
    assert report.exit_code == 1
    assert report.first_bad_index == 7
    assert not codes(report) <= codes(alone)


@pytest.fixture(scope="module")
def own_keys(tmp_path_factory: pytest.TempPathFactory) -> FileKeyStore:
    return FileKeyStore(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def authority(own_keys: FileKeyStore) -> str:
    return VerifierKey(NAME, own_keys.ensure_signing_key(AUTHORITY_KEY)).text()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform") / "home"


@pytest.fixture(scope="module")
def city(home: Path, authority: str) -> Iterator[City]:
    """A city whose keys are with a holder, and which was built while it signed for itself."""
    with built_city(home, settings=Settings(home=home, key_holder="process")) as first:
        licence = first.licence
    settings = Settings(home=home, key_holder="process", authority_key=authority)
    with opened_city(home, settings=settings, licence=licence) as found:
        yield found


def drafted(city: City) -> tuple[str, LicenceDocument]:
    identifier = city.draft(licence_json())
    with reading(city.platform.engine) as connection:
        found = require_licence(connection, identifier)
    return identifier, LicenceDocument.model_validate_json(found.document)


@need_namespaces
def test_the_holder_signs_no_log_but_the_true_one(city: City) -> None:
    holder = city.platform.keys
    assert isinstance(holder, RemoteKeyStore)
    head = parse_checkpoint(city.platform.log.head())
    signer = HolderSigner(holder, head.origin)
    empty, forged = Checkpoint(head.origin, 0, EMPTY_ROOT), Checkpoint(head.origin, 3, bytes(32))
    with pytest.raises(Denied, match="checkpoint_base_unknown"):
        signer.sign(empty, forged, list)
    with pytest.raises(Denied, match="checkpoint_not_extending"):
        signer.sign(head, Checkpoint(head.origin, head.size + 1, bytes(32)), list)


@need_namespaces
def test_a_key_opened_without_an_entry_is_refused_and_one_that_was_is_named(
    city: City, home: Path
) -> None:
    holder = city.platform.keys
    extract = next(r.name for r in holder.inventory() if r.name.startswith("extract-"))
    with pytest.raises(Denied, match="no_entry_cited"):
        holder.data_key(extract)
    with reading(city.platform.engine) as connection:
        clean = reconcile(home / "holder", connection)
    assert clean.differences == ()
    assert clean.builds >= 1
    assert clean.refusals >= 1


@need_namespaces
def test_an_opening_past_the_service_is_named_by_the_reconciliation(
    city: City, home: Path, tmp_path: Path
) -> None:
    """The holder opened a key for an entry that the log of today does not hold."""
    copy = tmp_path / "holder"
    copy.mkdir()
    shutil.copy(home / "holder" / JOURNAL, copy / JOURNAL)
    built = [line for line in read_journal(copy / JOURNAL) if line["what"] == "created"]
    key = next(line["key"] for line in built if line["key"].startswith("extract-"))
    journal = Journal(copy / JOURNAL)
    about = {"key": key, "kind": "query:question:decided", "licence": city.licence}
    journal.write("opened", 1, index=999_999, leaf="00" * 32, **about)
    with reading(city.platform.engine) as connection:
        journal.write("opened", 2, index=3, leaf="00" * 32, **about)
        found = reconcile(copy, connection)
        assert entry_at(connection, 3)
    assert [item.code for item in found.differences] == ["opened_without_entry"] * 2
    assert [item.entry for item in found.differences] == [999_999, 3]
    kept = (copy / JOURNAL).read_bytes().splitlines(keepends=True)
    without = [line for line in kept if b'"what":"created"' not in line]
    (copy / JOURNAL).write_bytes(b"".join(without))
    with reading(city.platform.engine) as connection:
        (changed,) = reconcile(copy, connection).differences
    assert changed.code == "journal_changed"
    (copy / JOURNAL).unlink()
    with reading(city.platform.engine) as connection:
        assert {item.code for item in reconcile(copy, connection).differences} == {
            "built_without_key"
        }


@need_namespaces
def test_a_platform_signed_licence_is_refused_and_named_at_activation(
    city: City, home: Path, own_keys: FileKeyStore
) -> None:
    identifier, document = drafted(city)
    approver, activate = city.actor("approver"), city.platform.activation.activate
    with pytest.raises(InvalidInput, match="licence_signature_missing"):
        activate(identifier, approver)
    platform_key = FileKeyStore(home / "keys")  # what signs in development
    with pytest.raises(Denied, match="licence_signed_by_platform") as found:
        activate(identifier, approver, sign_licence(platform_key, document).signature)
    assert "authority" in found.value.message.zh
    stranger = FileKeyStore(home / "stranger")
    stranger.ensure_signing_key(AUTHORITY_KEY)
    with pytest.raises(Denied, match="licence_signature_invalid"):
        activate(identifier, approver, sign_licence(stranger, document).signature)
    signature = sign_licence(own_keys, document).signature
    recorded, _ = activate(identifier, approver, signature)
    assert recorded.value.signature == signature


@need_namespaces
def test_a_platform_signed_licence_is_named_offline(
    city: City, tmp_path: Path, authority: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The city's first licence was signed by the platform: the authority's own key says so."""
    platform = city.platform
    records = [*platform.keys.inventory(), *platform.opened_keys.development.inventory()]
    files = evidence_files(platform.engine, platform.pack, records)
    bundle = tmp_path / "bundle.zip"
    key = platform.log.verifier_key
    export_bundle(platform.engine, platform.writer, SYSTEM_ACTOR, key=key, files=files, out=bundle)
    arguments = ["bundle", str(bundle), "--key", key.text(), "--lang", "en", "--json"]
    assert verify(arguments) == 0
    capsys.readouterr()
    assert verify([*arguments, "--authority-key", authority]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    named = [item for item in found if item["code"] == "licence_signed_by_platform"]
    assert len(named) == 1
    assert city.licence in named[0]["en"]
    own = platform.opened_keys.development.ensure_signing_key(AUTHORITY_KEY)
    text_of_own = VerifierKey(NAME, own).text()
    assert verify([*arguments, "--authority-key", text_of_own]) == 1  # the others are not its own


@need_namespaces
def test_a_restore_below_the_spent_table_is_refused_and_named(tmp_path: Path) -> None:
    """Even with a head file to match: the key holder knows of the later log."""
    home = tmp_path / "home"
    settings = Settings(home=home, key_holder="process")
    with built_city(home, settings=settings) as city:
        licence = city.licence
    saved = tmp_path / "saved.db"
    shutil.copy(home / "control.db", saved)
    head = (home / "head" / "head").read_bytes()
    with opened_city(home, settings=settings, licence=licence) as later:
        later.ask(ROWS_QUESTION)
    for name in ("control.db-wal", "control.db-shm"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(saved, home / "control.db")
    with pytest.raises(Unavailable, match="log_behind_head"), opened_city(home, settings=settings):
        pass
    (home / "head" / "head").write_bytes(head)  # the insider takes the head file back as well
    with (
        pytest.raises(Denied, match="checkpoint_base_unknown"),
        opened_city(home, settings=settings),
    ):
        pass


@need_namespaces
def test_a_spent_table_that_was_set_back_keeps_protected_data_shut(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with built_city(home) as city:
        licence = city.licence
        city.ask(COUNT_BY_STATE)
        with city.platform.engine.begin() as connection:
            guards = (
                "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='budget_node'"
            )
            for guard in list(connection.execute(text(guards)).scalars()):
                connection.execute(text(f"DROP TRIGGER {guard}"))
            connection.execute(text("UPDATE budget_node SET spent_nano_rho = 0"))
    with opened_city(home, licence=licence) as city:
        with pytest.raises(Unavailable, match="budget_mismatch"):
            city.ask(COUNT_BY_STATE)
        assert city.entries(EntryKind.BUDGETS_CLOSED)


def test_what_the_authority_signs_is_bound_to_its_context(own_keys: FileKeyStore) -> None:
    own_keys.ensure_signing_key(AUTHORITY_KEY)
    assert own_keys.sign(AUTHORITY_KEY, CONTEXT) != own_keys.sign(AUTHORITY_KEY, b"")


def test_requests_name_what_they_open(city: City) -> None:
    cited = request_keys(city.platform.writer, SYSTEM_ACTOR, "extract", ["extract-z"])
    with pytest.raises(Denied, match="entry_opens_another_key"):
        city.platform.keys.ensure_data_key("population.city_households", cited)
