"""Where a platform's keys are opened, and what production refuses (I10)."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

import audit.store  # noqa: F401 - the log's tables
from audit.keyholder.client import RemoteKeyStore
from audit.notes import VerifierKey
from foundation.db import metadata
from foundation.errors import InvalidInput, Unavailable
from foundation.keys import FileKeyStore
from foundation.settings import Mode, Settings
from service.key_opening import authority_of, open_keys


def test_production_refuses_keys_in_its_own_process(tmp_path: Path) -> None:
    for holding in ("", "embedded"):
        settings = Settings(home=tmp_path, mode=Mode.PRODUCTION, key_holder=holding)
        with pytest.raises(Unavailable, match="key_holder_required") as found:
            open_keys(settings)
        assert found.value.rule == "I10"


def test_production_refuses_to_sign_in_the_authoritys_name(tmp_path: Path, engine: Engine) -> None:
    metadata.create_all(engine)
    settings = Settings(home=tmp_path, mode=Mode.PRODUCTION, key_holder="process")
    opened = open_keys(settings)
    try:
        with pytest.raises(Unavailable, match="authority_key_required"):
            authority_of(settings, opened, engine)
        bad = settings.model_copy(update={"authority_key": str(tmp_path / "no-such-file")})
        with pytest.raises(InvalidInput, match="authority_key_invalid"):
            authority_of(bad, opened, engine)
        public = FileKeyStore(tmp_path / "own").ensure_signing_key("authority")
        text = VerifierKey("authority.example", public).text()
        good = settings.model_copy(update={"authority_key": text})
        found = authority_of(good, opened, engine)
        assert found.accepted == (public,)
        assert not found.held
    finally:
        opened.close()


def test_keys_move_to_the_holder_once_and_stay_there(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    embedded = open_keys(settings)
    log_key = embedded.store.ensure_signing_key("log")
    own = embedded.store.ensure_signing_key("authority")
    data = embedded.store.create_data_key("extract-a")
    opened = open_keys(settings.model_copy(update={"key_holder": "process"}))
    assert isinstance(opened.store, RemoteKeyStore)
    assert opened.store.public_keys()["Ed25519"] == log_key.hex()
    opened.close()
    names = {path.name for path in (tmp_path / "keys").iterdir()}
    assert "authority" in names
    assert not names & {"log", "extract-a.data"}
    again = open_keys(settings)  # with nothing said, the holder that is there
    assert isinstance(again.store, RemoteKeyStore)
    assert again.development.ensure_signing_key("authority") == own
    again.close()
    assert FileKeyStore(tmp_path / "holder" / "keys").data_key("extract-a") == data


def test_a_holder_that_is_not_there_is_no_reason_to_go_without(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, key_holder=str(tmp_path / "no.sock"))
    with pytest.raises(Unavailable, match="key_holder_gone"):
        open_keys(settings)
