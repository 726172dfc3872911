"""Keys turned over: old receipts hold, new ones are reached from the old key, and nobody else's."""

import io
import json
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from audit.events import AuditEvent, no_effect
from audit.export import export_bundle, export_kept
from audit.key_requests import request_keys
from audit.notes import VerifierKey
from audit.proofs import parse_receipt
from audit.reading import private_of
from audit.store import entry_private
from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from foundation.db import reading
from foundation.errors import Denied
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.cli import app
from service.key_care import accept_authority_key, rewrap_data_keys, rotate_log_key
from service.key_opening import authority_of, open_keys
from tests.city import City, built_city, opened_city
from tests.city_documents import ROWS_QUESTION, licence_json
from tests.parts import need_namespaces

pytestmark = need_namespaces


def told(arguments: list[str]) -> tuple[int, set[str]]:
    out = io.StringIO()
    with redirect_stdout(out):
        code = verify([*arguments, "--json"])
    return code, {item["code"] for item in json.loads(out.getvalue())["findings"]}


def receipt(city: City) -> tuple[str, str]:
    event = AuditEvent(EntryKind.SERVICE_STARTED, SYSTEM_ACTOR, {"mode": "test"})
    recorded = city.platform.log.submit(event, no_effect)
    assert parse_receipt(recorded.receipt).index == recorded.index
    return recorded.receipt, recorded.leaf_hash.hex()


def bundle(city: City, out: Path) -> Path:
    platform = city.platform
    key = platform.log.verifier_key
    export_bundle(platform.engine, platform.writer, SYSTEM_ACTOR, key=key, files={}, out=out)
    return out


@pytest.mark.parametrize("holding", ["embedded", "process"])
def test_a_log_whose_key_was_turned_over_is_verified_from_the_old_key(
    tmp_path: Path, holding: str
) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home, key_holder=holding)
    kept, first, last = tmp_path / "kept.zip", tmp_path / "old.txt", tmp_path / "new.txt"
    with opened_city(home, settings=settings) as city:
        old = city.platform.log.verifier_key
        text, leaf = receipt(city)
        first.write_text(text, encoding="utf-8")
        export_kept(city.platform.engine, kept)
    rotated = [rotate_log_key(settings) for _ in range(2)]
    with opened_city(home, settings=settings) as city:
        new = city.platform.log.verifier_key
        text, new_leaf = receipt(city)
        last.write_text(text, encoding="utf-8")
        whole = bundle(city, tmp_path / "bundle.zip")
    assert new.public_key != old.public_key
    assert told(["receipt", str(first), "--leaf", leaf, "--key", old.text()])[0] == 0
    code, found = told(["bundle", str(whole), "--key", old.text(), "--since", str(kept)])
    assert (code, "key_turned_over" in found) == (0, True)
    assert told(["bundle", str(whole), "--key", new.text()])[0] == 0
    assert told(["receipt", str(last), "--leaf", new_leaf, "--key", old.text()])[0] == 1
    chain = tmp_path / "chain"
    lines = [old.text(), *(json.dumps(dict(item.statement)) for item in rotated)]
    chain.write_text("\n".join(lines), encoding="utf-8")
    assert told(["receipt", str(last), "--leaf", new_leaf, "--key", str(chain)])[0] == 0
    chain.write_text("\n".join((lines[0], lines[2])), encoding="utf-8")  # one left out
    assert told(["receipt", str(last), "--leaf", new_leaf, "--key", str(chain)])[0] == 2
    stranger = VerifierKey(old.name, FileKeyStore(tmp_path / "s").ensure_signing_key("log"))
    assert told(["bundle", str(whole), "--key", stranger.text()])[0] == 1


def test_a_rotation_cut_short_is_finished_by_the_next(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", key_holder="process")
    with opened_city(settings.home, settings=settings) as city:
        old = city.platform.log.verifier_key
    opened = open_keys(settings)
    assert opened.holder is not None
    stated = opened.holder.begin_rotation()
    with pytest.raises(Denied, match="no_entry_cited"):
        opened.holder._ask("finish_rotation", cited=None)
    opened.close()
    with opened_city(settings.home, settings=settings) as city:  # both sign, the old is current
        assert city.platform.log.verifier_key == old
        receipt(city)
    assert rotate_log_key(settings).statement["new"] == stated["new"]
    with opened_city(settings.home, settings=settings) as city:
        assert city.platform.log.verifier_key.text() == stated["new"]


def test_data_keys_wrapped_anew_still_open_extracts(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", key_holder="process")
    with built_city(settings.home, settings=settings) as city:
        licence, before = city.licence, city.ask(ROWS_QUESTION)
    chinese = settings.model_copy(update={"data_cipher": "SM4-GCM"})
    version, count = rewrap_data_keys(chinese)
    assert version == 2
    assert count >= 4
    with opened_city(settings.home, settings=chinese, licence=licence) as city:
        assert city.entries(EntryKind.KEYS_REWRAPPED)
        assert type(city.ask(ROWS_QUESTION)) is type(before)
        decided = city.entries(EntryKind.QUESTION_DECIDED)
        with city.platform.engine.connect() as connection:
            names = {
                row.idx: row.key_name for row in connection.execute(select(entry_private)).all()
            }
        assert not names[decided[0].index].endswith(".sm4")
        assert names[decided[-1].index].endswith(".sm4")
        cited = request_keys(
            city.platform.writer, SYSTEM_ACTOR, "extract", sorted(set(names.values()))
        )
        with reading(city.platform.engine) as connection:
            for entry in (decided[0], decided[-1]):
                opened = private_of(connection, entry.index, city.platform.keys, cited)
                assert opened["sql"].text == ROWS_QUESTION


def run(*arguments: str, home: Path, **environment: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, arguments, env={"SANDGATE_HOME": str(home), **environment})
    return done.exit_code, done.output


def test_the_authority_makes_signs_and_turns_over_its_key_by_itself(tmp_path: Path) -> None:
    home, own = tmp_path / "home", tmp_path / "authority"
    at = ("--home", str(own))
    code, key = run("licence", "keygen", *at, home=home)
    assert code == 0
    settings = Settings(home=home, authority_key=key.strip())
    with built_city(home):
        pass
    with opened_city(home, settings=settings) as city:
        identifier = city.draft(licence_json())
        shown = city.client("founder").get(f"/api/v1/licences/{identifier}").json()
        document = tmp_path / "licence.json"
        document.write_text(json.dumps(shown), encoding="utf-8")
        code, signature = run("licence", "sign", str(document), *at, home=home)
        assert code == 0
        address = f"/api/v1/licences/{identifier}/activate"
        client = city.client("approver")
        assert client.post(address).json()["code"] == "licence_signature_missing"
        assert client.post(f"{address}?signature={'00' * 64}").status_code == 403
        assert client.post(f"{address}?signature={signature.strip()}").status_code == 201
    code, statement = run("licence", "rotate", *at, home=home)
    stated = json.loads(statement)
    forged = {**stated, "new": stated["old"]}
    with pytest.raises(Denied, match="key_not_turned_over"):
        accept_authority_key(settings, forged)
    path = tmp_path / "statement.json"
    path.write_text(statement, encoding="utf-8")
    environment = {"SANDGATE_AUTHORITY_KEY": key.strip()}
    code, output = run("keys", "accept-authority", str(path), home=home, **environment)
    assert code == 0, output
    with opened_city(home, settings=settings) as city:
        opened = city.platform.opened_keys
        keys = authority_of(settings, opened, city.platform.engine)
        assert len(keys.accepted) == 2
        assert keys.current == FileKeyStore(own).ensure_signing_key("authority")
        assert city.platform.enforcer is not None
    with pytest.raises(Denied, match="key_not_turned_over"):
        accept_authority_key(settings, stated)  # it ended already


def test_the_keys_commands_say_what_there_is_and_reconcile(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home, key_holder="process", sm_profile=True)
    with built_city(home, settings=settings) as city:
        city.ask(ROWS_QUESTION)
    code, output = run("keys", "reconcile", "--json", home=home)
    assert code == 0, output
    found = json.loads(output)
    assert (found["openings"], found["differences"]) == (1, [])
    code, output = run("keys", "list", home=home)
    assert "log-sm2" in output
    code, output = run("keys", "public", home=home, SANDGATE_SM_PROFILE="true")
    assert len(output.splitlines()) == 3
    out = tmp_path / "evidence"
    code, _ = run("keys", "evidence", "--out", str(out), home=home)
    assert code == 0
    pack = json.loads((out / "key-evidence.json").read_text(encoding="utf-8"))
    assert all(test["passed"] for test in pack["self_tests"])
    assert {"keys:data:requested", "disclosure:extract:built"} <= {
        item["kind"] for item in pack["entries"]
    }
    text = (out / "key-evidence.md").read_text(encoding="utf-8")
    assert "密钥清单" in text
    assert "SM4-GCM" in text
    secret = (home / "holder" / "keys" / "log").read_bytes().hex()
    assert secret not in text + json.dumps(pack)


def test_the_sm2_line_is_checked_offline(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(home=home, key_holder="process", sm_profile=True)
    with opened_city(home, settings=settings) as city:
        ours, chinese = city.platform.opened_keys.signer.verifier_keys
        whole = bundle(city, tmp_path / "bundle.zip")
    arguments = ["bundle", str(whole), "--key", ours.text()]
    code, found = told([*arguments, "--sm-key", chinese.text()])
    assert (code, "sm2_line_holds" in found) == (0, True)
    other = FileKeyStore(tmp_path / "s").ensure_signing_key("log-sm2", "SM2")
    stranger = VerifierKey(chinese.name, other, chinese.kind)
    code, found = told([*arguments, "--sm-key", stranger.text()])
    assert (code, "sm2_line_fails" in found) == (1, True)
    assert told([*arguments, "--sm-key", ours.text()])[0] == 2
