"""The data-sharing seal: who may use it, paper and data bound as one, and changes found."""

import json
from pathlib import Path

import pytest

from audit.log_signers import SM2_WITH_SM3
from audit.notes import VerifierKey
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.verify.__main__ import run
from authorization.sharing.sealing import SEAL_KEY, Sealed, Sealing, sealed_decision
from authorization.sharing.states import ShareState
from foundation.db import reading
from foundation.errors import Conflict, Denied, NotFound
from tests.sharing_world import World


@pytest.fixture(scope="module")
def sealing(world: World) -> Sealing:
    return Sealing(world.applying, world.keys, second=True)


@pytest.fixture(scope="module")
def sealed(world: World, sealing: Sealing) -> Sealed:
    share = world.asked(ShareState.APPROVED)
    return sealing.seal(world["constable"], share.id).value


@pytest.fixture(scope="module")
def keys(world: World) -> dict[str, str]:
    name = "city.example/log/seal"
    return {
        "ed": VerifierKey(name, world.keys.ensure_signing_key(SEAL_KEY)).text(),
        "sm": VerifierKey(name, world.keys.ensure_sm2_key(SEAL_KEY), SM2_WITH_SM3).text(),
        "log": world.writer.verifier_key.text(),
        "other": VerifierKey(name, world.keys.ensure_signing_key("other")).text(),
    }


def written(folder: Path, machine: bytes, paper: bytes | None) -> list[str]:
    (folder / "d.json").write_bytes(machine)
    if paper is None:
        return [str(folder / "d.json")]
    (folder / "d.pdf").write_bytes(paper)
    return [str(folder / "d.pdf"), str(folder / "d.json")]


def verdict(
    folder: Path, keys: dict[str, str], machine: bytes, paper: bytes | None, key: str = "ed"
) -> int:
    files = written(folder, machine, paper)
    given = ["--key", keys[key], "--seal-sm-key", keys["sm"], "--log-key", keys["log"]]
    return run(["decision", *files, *given, "--lang", "zh"])


def test_a_sealed_decision_holds_offline(
    sealed: Sealed, keys: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verdict(tmp_path, keys, sealed.machine, sealed.paper) == 0
    text = capsys.readouterr().out
    assert "同意共享" in text
    assert "GB/T 32918" in text
    assert verdict(tmp_path, keys, sealed.machine, None) == 0
    assert sealed.paper.startswith(b"%PDF-")


def test_a_changed_paper_or_data_is_found(
    sealed: Sealed, keys: dict[str, str], tmp_path: Path
) -> None:
    changed = sealed.paper.replace(b"%PDF-1", b"%PDF-2", 1)
    assert verdict(tmp_path, keys, sealed.machine, changed) == 1
    for old, new in (
        ("approved", "refused"),
        ("车辆年检资格核查", "随便看看"),
        ("transport", "health"),
    ):
        machine = sealed.machine.replace(old.encode(), new.encode())
        assert machine != sealed.machine
        assert verdict(tmp_path, keys, machine, sealed.paper) == 1
    assert verdict(tmp_path, keys, sealed.machine, sealed.paper, "other") == 1


def test_each_part_of_the_signed_file_counts(
    sealed: Sealed, keys: dict[str, str], tmp_path: Path
) -> None:
    whole = json.loads(sealed.machine)
    signatures = whole["signatures"]
    sm_broken = [signatures[0], {**signatures[1], "signature": "00" * 64}]
    for change in (
        {"signatures": sm_broken},
        {"signatures": signatures[1:]},
        {"entry": {**whole["entry"], "body": "e30="}},
    ):
        machine = json.dumps({**whole, **change}, ensure_ascii=False).encode()
        assert verdict(tmp_path, keys, machine, sealed.paper) in {1, 2}
    without = json.dumps({**whole, "signatures": signatures[:1]}, ensure_ascii=False).encode()
    assert verdict(tmp_path, keys, without, sealed.paper) == 3


def test_what_is_no_sealed_decision_is_unusable(keys: dict[str, str], tmp_path: Path) -> None:
    for data in (b"{}", b"[1]", b"no json", b"\xff\xfe"):
        assert verdict(tmp_path, keys, data, None) == 2
    files = [str(tmp_path / "d.json")] * 2
    assert run(["decision", *files, "--key", keys["ed"]]) == 2


def test_the_seal_is_for_who_decided_or_the_head_once(world: World, sealing: Sealing) -> None:
    undecided = world.asked(ShareState.SUBMITTED)
    with pytest.raises(Conflict, match="decision_missing"):
        sealing.seal(world["chief"], undecided.id)
    share = world.asked(ShareState.APPROVED)
    with pytest.raises(Denied, match="seal_not_entitled"):
        sealing.seal(world["sergeant"], share.id)
    for name in ("clerk", "officer", "matron"):
        with pytest.raises(NotFound, match="share_unknown"):
            sealing.seal(world[name], share.id)
    with reading(world.engine) as connection, pytest.raises(NotFound, match="not_sealed"):
        sealed_decision(connection, share.id)
    sealing.seal(world["chief"], share.id)
    with pytest.raises(Conflict, match="decision_sealed"):
        sealing.seal(world["constable"], share.id)


def test_each_use_of_the_seal_was_ordered_in_the_log_first(world: World, sealed: Sealed) -> None:
    with reading(world.engine) as connection:
        (ordered, *_), (made, *_) = (
            read_entries(connection, kinds=(kind,))
            for kind in (EntryKind.SEAL_ORDERED, EntryKind.DECISION_SEALED)
        )
    assert made.public["ordered"] == ordered.index < made.index
    assert ordered.public["sealed"] == sealed.id
    assert "车辆年检" not in str(ordered.public)


def test_a_refusal_is_sealed_with_its_grounds(world: World, sealing: Sealing) -> None:
    share = world.asked(ShareState.SUBMITTED)
    world.deciding.refuse(world["constable"], share.id, "与履职无关", "条例第二十条")
    machine = json.loads(sealing.seal(world["constable"], share.id).value.machine)
    document = machine["document"]
    assert (document["outcome"], document["reason"]) == ("refused", "与履职无关")
