"""What a start puts in order: leftovers, expired terms, rules named once, parts closed again."""

import shutil
import threading
from pathlib import Path

import pytest

import policies
from audit.tags import EntryKind
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.errors import InvalidInput
from foundation.settings import Settings
from policies.load import SECTIONS
from service.bootstrap import build_platform
from tests.city import good_host, opened_city
from tests.fakes import TickingClock


def rules_with(directory: Path, section: str, old: str, new: str) -> Path:
    for name in SECTIONS:
        shutil.copytree(Path(policies.__file__).parent / name, directory / name)
    path = directory / section / "national.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return directory


def test_a_rule_pack_that_does_not_read_stops_the_start(tmp_path: Path) -> None:
    broken = rules_with(tmp_path / "rules", "privacy", "groups_max = 10_000", "groups_max = -1")
    with pytest.raises(InvalidInput) as found:
        build_platform(Settings(home=tmp_path / "home", policies=broken), host=good_host())
    assert found.value.code == "policy_file_invalid"
    assert "log-writer" not in {thread.name for thread in threading.enumerate()}


def test_another_rule_pack_is_an_entry_of_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    other = rules_with(tmp_path / "rules", "privacy", 'version = "1"', 'version = "2"')
    digests = []
    for chosen in (None, None, other, other, None):
        with opened_city(home, settings=Settings(home=home, policies=chosen)) as city:
            digests.append(city.platform.pack.digest)
            loaded = city.entries(EntryKind.POLICY_LOADED)
    assert [entry.public["policy_digest"] for entry in loaded] == [
        digests[0],
        digests[2],
        digests[0],
    ]
    assert digests[0] != digests[2]


def test_the_founders_are_registered_once(tmp_path: Path) -> None:
    for _ in range(2):
        with opened_city(tmp_path / "home", clock=TickingClock()) as city:
            assert len(city.entries(EntryKind.PERSON_CREATED)) == 4
            assert len(city.entries(EntryKind.ORGANISATION_CREATED)) == 2


def test_an_upload_that_a_crash_left_is_gone_after_the_next_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened_city(home):
        pass
    stray = home / "uploads" / "stray"
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"half a file")
    with opened_city(home):
        assert not stray.exists()


def test_closing_ends_every_thread_of_the_platform(tmp_path: Path) -> None:
    before = {thread.ident for thread in threading.enumerate()}
    clock = TickingClock()
    with opened_city(tmp_path / "home", clock=clock):
        clock.advance(MICROSECONDS_PER_DAY)
    left = [
        thread.name
        for thread in threading.enumerate()
        if thread.ident not in before and not thread.daemon
    ]
    assert left == []
