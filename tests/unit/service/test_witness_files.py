"""Who the witnesses are, and that none of them is the platform itself (I10)."""

import os
from pathlib import Path
from typing import get_args

import pytest

from audit.notes import VerifierKey
from audit.tags import EntryKind
from audit.witness.directory import WitnessDirectory
from foundation.errors import InvalidInput, Unavailable
from foundation.settings import Mode, Settings
from policies.load import load_policies
from policies.schema.witness import AnswerKind, ClosedKind, WitnessRules
from service.witness_secrets import check_witness_secrets
from service.witnessing import read_peers

LOG_KEY = VerifierKey("city.example/log", bytes(32))


def made(home: Path, name: str = "regulator.example/w1") -> WitnessDirectory:
    place = WitnessDirectory(home)
    place.create(name)
    return place


def lines_of(place: WitnessDirectory, url: str) -> str:
    return "".join(
        f"witness w{n} {key.text()} {url}\n" for n, key in enumerate(place.keys().verifier_keys)
    )


def test_both_keys_of_an_address_are_one_witness(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b", "court.example/w")
    path = tmp_path / "witnesses"
    path.write_text(
        "# who watches the log\n\n"
        + lines_of(first, "https://w1.example/")
        + lines_of(second, "http://10.0.0.7:8610"),
        encoding="utf-8",
    )
    peers = read_peers(path)
    assert [(peer.name, peer.url, len(peer.keys)) for peer in peers] == [
        ("regulator.example/w1", "https://w1.example", 2),
        ("court.example/w", "http://10.0.0.7:8610", 2),
    ]


def test_a_file_that_is_not_clear_is_refused(tmp_path: Path) -> None:
    first, second = made(tmp_path / "a"), made(tmp_path / "b")  # of the same name
    whole = lines_of(first, "https://w1.example")
    key = first.keys().verifier_keys[0].text()
    path = tmp_path / "witnesses"
    for text in (
        f"witness w1 {key}\n",
        f"witness w1 {key} ftp://w1.example\n",
        f"log w1 {key} https://w1.example\n",
        f"group g any w1\nwitness w1 {key} https://w1.example\n",
        f"witness w1 {key[:-4]} https://w1.example\n",
        f"witness w1 {LOG_KEY.text()} https://w1.example\n",
        whole + lines_of(second, "https://w2.example"),
        whole + whole,
        whole + lines_of(first, "https://w2.example"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput) as found:
            read_peers(path)
        assert found.value.code == "witnesses_file_invalid"
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidInput):
        read_peers(path)
    with pytest.raises(InvalidInput):
        read_peers(tmp_path / "absent")


def refused(settings: Settings, place: WitnessDirectory, log_key: VerifierKey = LOG_KEY) -> str:
    peers = read_peers_of(place, settings.home.parent)
    try:
        check_witness_secrets(settings, peers, log_key)
    except Unavailable as refusal:
        return refusal.code if refusal.rule == "I10" else "no rule named"
    return ""


def read_peers_of(place: WitnessDirectory, directory: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201
    path = directory / "witnesses"
    path.write_text(lines_of(place, "https://w1.example"), encoding="utf-8")
    return read_peers(path)


def test_production_refuses_a_witness_secret_in_its_own_home(tmp_path: Path) -> None:
    place = made(tmp_path / "w")
    home = tmp_path / "home"
    (home / "keys" / "deep").mkdir(parents=True)
    (home / "keys" / "log").write_bytes(os.urandom(32))
    settings = Settings(home=home, mode=Mode.PRODUCTION)
    assert refused(settings, place) == ""
    for name in ("ed25519", "ml-dsa-44"):
        copy = home / "keys" / "deep" / "innocent"
        copy.write_bytes((tmp_path / "w" / "keys" / name).read_bytes())
        assert refused(settings, place) == "witness_key_readable"
        assert refused(Settings(home=home), place) == ""  # development plays on one machine
        copy.unlink()


def test_production_refuses_a_witness_directory_that_it_can_read(tmp_path: Path) -> None:
    place = made(tmp_path / "w")
    home = tmp_path / "home"
    home.mkdir()
    open_to_us = Settings(home=home, mode=Mode.PRODUCTION, witness_home=tmp_path / "w")
    assert refused(open_to_us, place) == "witness_key_readable"
    elsewhere = Settings(home=home, mode=Mode.PRODUCTION, witness_home=tmp_path / "absent")
    assert refused(elsewhere, place) == ""


def test_no_mode_takes_the_logs_key_for_a_witness(tmp_path: Path) -> None:
    place = made(tmp_path / "w")
    own = VerifierKey("city.example/log", place.keys().verifier_keys[1].public_key)
    assert refused(Settings(home=tmp_path / "home"), place, own) == "witness_key_is_log_key"


def test_the_shipped_rules_ask_for_no_witness_and_name_kinds_that_exist() -> None:
    rules = load_policies().rules(WitnessRules)
    assert rules.witnesses_required == 0
    kinds = {kind.value for kind in EntryKind}
    assert set(get_args(AnswerKind)) | set(get_args(ClosedKind)) <= kinds
    assert set(rules.before_release.kinds) == set(get_args(AnswerKind))
