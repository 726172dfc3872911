"""What `sandgate doctor` says of witnesses, key holder, ciphers and terms of retention."""

import socket
from pathlib import Path

from audit.witness.directory import WitnessDirectory
from foundation.db import open_engine
from foundation.settings import Settings
from service.doctor import Part, parts_of
from service.migrate import upgrade


def parts(settings: Settings) -> dict[str, Part]:
    found = {part.name: part for part in parts_of(settings)}
    assert tuple(found) == ("witnesses", "key_holder", "ciphers", "retention", "logins")
    for part in found.values():
        assert part.as_text("zh")[2:].startswith(part.title.zh)
        assert part.as_text("en")[2:].startswith(part.title.en)
    return found


def test_a_platform_that_never_ran_has_no_witness_and_owes_no_erasure(tmp_path: Path) -> None:
    found = parts(Settings(home=tmp_path))
    assert not found["witnesses"].stands
    assert "regulator kept" in found["witnesses"].how.en
    assert found["retention"].stands
    assert list(tmp_path.iterdir()) == []  # looking makes nothing


def test_the_witnesses_are_named_and_a_file_that_is_none_is_no_witness(tmp_path: Path) -> None:
    place = WitnessDirectory(tmp_path / "w")
    place.create("regulator.example/w1")
    listed = tmp_path / "witnesses"
    keys = place.keys().verifier_keys
    listed.write_text("".join(f"witness w {key.text()} https://w.example\n" for key in keys))
    witnessed = parts(Settings(home=tmp_path / "home", witnesses=listed))["witnesses"]
    assert witnessed.stands
    assert "regulator.example/w1" in witnessed.how.en
    listed.write_text("witness\n")
    assert not parts(Settings(home=tmp_path / "home", witnesses=listed))["witnesses"].stands


def test_a_holder_of_its_own_stands_and_an_absent_socket_does_not(tmp_path: Path) -> None:
    assert not parts(Settings(home=tmp_path, key_holder="embedded"))["key_holder"].stands
    assert "not yet" in parts(Settings(home=tmp_path))["key_holder"].how.en
    place = tmp_path / "keys.sock"
    settings = Settings(home=tmp_path, key_holder=str(place))
    assert not parts(settings)["key_holder"].stands
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place))
        assert parts(settings)["key_holder"].stands


def test_the_chinese_profile_is_named(tmp_path: Path) -> None:
    how = parts(Settings(home=tmp_path, sm_profile=True, data_cipher="SM4-GCM"))["ciphers"].how
    assert "SM4-GCM" in how.en
    assert "SM2" in how.zh


def test_a_store_is_asked_for_what_is_due_and_a_broken_one_does_not_stand(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    upgrade(open_engine(settings.control_store_url))
    retention = parts(settings)["retention"]
    assert retention.stands
    assert retention.how.en.startswith("0 fields past their term")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "control.db").write_bytes(b"no database" * 100)
    assert not parts(Settings(home=broken))["retention"].stands
