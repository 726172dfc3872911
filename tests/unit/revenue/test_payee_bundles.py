"""A payee's bundle is verified offline, from its files and a key alone; every change is refused."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from audit.notes import VerifierKey
from audit.verify.__main__ import run
from audit.verify.findings import Unusable
from audit.verify.notes import Key, read_key
from audit.verify.payee import verify_payee
from audit.writer import GroupCommitWriter
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from foundation.errors import NotFound
from revenue.billing import Billing
from revenue.payee_bundle import payee_bundle, payee_files
from revenue.schemes.versions import scheme_digest_in_force
from tests.fakes import TickingClock
from tests.unit.revenue.flow_scene import RULES, Scene
from tests.unit.revenue.settling import pot_scheme
from tests.unit.revenue.test_ledger_evidence import used

Files = dict[str, bytes]
BILLING = Billing(RULES, scheme_digest_in_force)


@pytest.fixture
def scene(engine: Engine, writer: GroupCommitWriter, clock: TickingClock) -> Scene:
    """Two licences and two periods; ``people_bureau`` is paid under the second licence alone."""
    made = Scene.over(engine, writer, clock)
    made.licence()
    made.licence("licence_b", fen=7, payer="city", scheme=pot_scheme())
    made.use(times=2)
    made.settle()
    made.use()
    for key in ("k1", "k2", "k1"):
        used(made, "licence_b", key, d_roads=200, d_people=40)
    made.next_period("p2", "p3")
    made.use()  # the log goes on after the close
    return made


@pytest.fixture
def key(writer: GroupCommitWriter) -> Key:
    return read_key(writer.verifier_key.text())


@pytest.fixture
def settled(scene: Scene) -> Engine:
    """Return the store once everything is settled."""
    return scene.engine


@pytest.fixture
def files(settled: Engine) -> Files:
    return bundle_of(settled, "people_bureau")


def bundle_of(engine: Engine, payee: str, period: str = "p2") -> Files:
    with reading(engine) as connection:
        return payee_files(connection, period, payee)


def resealed(document: dict[str, Any]) -> dict[str, Any]:
    content = {name: value for name, value in document.items() if name != "digest"}
    return {**content, "digest": digest(content)}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every number, text and truth value inside a JSON value."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from places(inner, (*path, place))
    else:
        yield path


def changed(value: Any, path: tuple[Any, ...]) -> Any:
    """Change the one value at a path, keeping its type."""
    if not path:
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return value + 1
        return "x" if value is None else f"{value}0" if value != "0" else "1"
    inner = changed(value[path[0]], path[1:])
    if isinstance(value, dict):
        return {**value, path[0]: inner}
    return [*value[: path[0]], inner, *value[path[0] + 1 :]]


def mutations(files: Files) -> Iterator[tuple[str, Files]]:
    """Change every value of every JSON file in turn; a forger can seal a statement anew."""
    for name, data in files.items():
        if name == "checkpoint":
            continue
        lines = data.splitlines() if name.endswith(".jsonl") else [data]
        for at, line in enumerate(lines):
            document = json.loads(line)
            for path in places(document):
                altered = changed(document, path)
                if name == "statement.json" and path != ("digest",):
                    altered = resealed(altered)
                new = [*lines[:at], canonical_bytes(altered), *lines[at + 1 :]]
                yield f"{name}:{at}:{path}", {**files, name: b"\n".join(new)}


def test_a_stranger_has_no_bundle(settled: Engine) -> None:
    with pytest.raises(NotFound, match="statement_unknown"):
        bundle_of(settled, "stranger")
    with pytest.raises(NotFound, match="statement_unknown"):
        bundle_of(settled, "people_bureau", "p1")


def test_every_mutation_is_refused(files: Files, key: Key) -> None:
    accepted = [name for name, other in mutations(files) if verify_payee(other, key).exit_code == 0]
    assert accepted == []


@pytest.mark.parametrize("name", ["usage.jsonl", "contributions.jsonl", "entries.jsonl"])
def test_no_line_can_be_left_out_or_doubled(files: Files, key: Key, name: str) -> None:
    lines = files[name].splitlines()
    for at, line in enumerate(lines):
        for new in ([*lines[:at], *lines[at + 1 :]], [*lines, line]):
            assert verify_payee({**files, name: b"\n".join(new)}, key).exit_code == 1


def test_no_file_can_be_left_out_or_added(files: Files, key: Key) -> None:
    for name in files:
        fewer = {other: data for other, data in files.items() if other != name}
        assert verify_payee(fewer, key).exit_code == 1, name
    assert verify_payee({**files, "note.txt": b"hello"}, key).exit_code == 1


def test_another_payees_bundle_does_not_lend_its_branch(
    settled: Engine, files: Files, key: Key
) -> None:
    other = bundle_of(settled, "roads_bureau")
    assert verify_payee({**files, "payee.json": other["payee.json"]}, key).exit_code == 1
    assert verify_payee({**files, "statement.json": other["statement.json"]}, key).exit_code == 1


def test_another_key_is_refused(files: Files, key: Key) -> None:
    stranger = VerifierKey(key.name, Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert verify_payee(files, read_key(stranger.text())).exit_code == 1


def test_each_payee_of_a_period_verifies_its_own(settled: Engine, key: Key) -> None:
    for payee in ("people_bureau", "roads_bureau", "platform", "civil_affairs", "tax"):
        report = verify_payee(bundle_of(settled, payee), key)
        assert report.exit_code == 0, (payee, report.as_json())


def test_a_bundle_says_nothing_of_other_pools(files: Files) -> None:
    whole = b"".join(files.values())
    assert b"licence_b" in whole
    assert b"licence_a" not in whole
    assert b"civil_affairs" not in whole


def test_the_command_verifies_the_zip(
    settled: Engine, writer: GroupCommitWriter, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "statement.zip"
    with reading(settled) as connection:
        path.write_bytes(payee_bundle(connection, "p2", "people_bureau"))
        again = payee_bundle(connection, "p2", "people_bureau")
    assert again == path.read_bytes()
    argv = ["statement", str(path), "--key", writer.verifier_key.text()]
    assert run(argv) == 0
    assert "payee_statement_holds" in capsys.readouterr().out
    path.write_bytes(again.replace(b"statement.json", b"statement.jsom"))
    assert run(argv) in {1, 2}


@pytest.mark.parametrize("name", ["statement.json", "pools.json", "payee.json", "usage.jsonl"])
def test_a_name_that_stands_twice_is_refused(files: Files, key: Key, name: str) -> None:
    first, quote, rest = files[name].partition(b'"')
    twice = first + b'"payee":"x","payee":"y",' + quote + rest
    with pytest.raises(Unusable):
        verify_payee({**files, name: twice}, key)
