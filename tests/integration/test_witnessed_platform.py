"""A platform and the regulator's witness, two processes: answers wait, and forks open nothing."""

import json
import shutil
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from audit.notes import VerifierKey, signatures_by
from audit.proofs import parse_receipt, verify_receipt
from audit.tags import EntryKind
from audit.tree import leaf_hash
from audit.verify.__main__ import run
from audit.witness.witness import hash_of_origin
from foundation.errors import SandgateError, Unavailable
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from tests.city import COUNT_BY_STATE, ROWS_QUESTION, City, built_city, opened_city, told
from tests.parts import need_namespaces
from tests.rule_files import changed_rules
from tests.witness_process import WitnessProcess, witness_process

pytestmark = need_namespaces

ORIGIN = "sandgate.example/log"
QUICK = {"round_milliseconds_max": "1_000", "idle_seconds_between": "3_000"}
BEFORE = {"witnesses": "1", "milliseconds_max": "700"}


def ruled(directory: Path, values: Mapping[str, str]) -> Path:
    return changed_rules(directory, {"witness/national.toml": {**QUICK, **values}})


def settings_of(home: Path, policies: Path, *witnesses: WitnessProcess) -> Settings:
    """Return settings that name these witnesses."""
    names = home.parent / "witnesses"
    names.write_text("".join(item.peer_lines() for item in witnesses), encoding="utf-8")
    return Settings(home=home, policies=policies, witnesses=names)


def log_key(home: Path) -> VerifierKey:
    return VerifierKey(ORIGIN, FileKeyStore(home / "keys").ensure_signing_key("log"))


def refused(city: City, sql: str, scope: object = None) -> SandgateError:
    with pytest.raises(SandgateError) as found:
        city.ask(sql, scope=scope)  # type: ignore[arg-type]
    return found.value


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    home = tmp_path_factory.mktemp("built") / "home"
    with built_city(home) as city:
        return home, city.licence


@pytest.fixture
def home(built: tuple[Path, str], tmp_path: Path) -> Path:
    shutil.copytree(built[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def licence(built: tuple[Path, str]) -> str:
    return built[1]


@pytest.fixture
def witness(home: Path, tmp_path: Path) -> Iterator[WitnessProcess]:
    with witness_process(tmp_path / "witness") as made:
        made.place.trust(log_key(home).text())
        yield made


def before_release(tmp_path: Path, home: Path, witness: WitnessProcess) -> Settings:
    """Return settings under which an answer waits for the witness; new questions never do."""
    policies = ruled(tmp_path / "rules", BEFORE)
    rules = policies / "witness" / "national.toml"
    text = rules.read_text(encoding="utf-8")
    head, within = text.split("[within_delay]")
    within = within.replace("witnesses = 1", "witnesses = 0", 1)
    rules.write_text(f"{head}[within_delay]{within}", encoding="utf-8")
    return settings_of(home, policies, witness)


def test_an_answer_is_withheld_until_the_witness_comes_up(
    tmp_path: Path,
    home: Path,
    licence: str,
    witness: WitnessProcess,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence) as city:
        scope = city.scope()
        spent = city.platform.pipeline.budget(scope)
        refusal = refused(city, COUNT_BY_STATE, scope)
        assert refusal.code == "witnesses_missing"
        assert refusal.status == 503
        assert "见证方" in refusal.message.zh
        assert city.platform.pipeline.budget(scope) != spent  # what was charged stays charged
        charged = city.platform.pipeline.budget(scope)
        (released,) = city.entries(EntryKind.ANSWER_RELEASED)
        (withheld,) = city.entries(EntryKind.ANSWER_WITHHELD)
        assert withheld.public == {"withheld_index": released.index, "witnesses_required": 1}
        assert city.entries(EntryKind.ANSWER_FAILED) == []
        assert (
            refused(city, COUNT_BY_STATE, scope).code == "witnesses_missing"
        )  # a repeat waits too
        assert refused(city, ROWS_QUESTION, scope).code == "witnesses_missing"

        witness.start()
        given = city.ask(COUNT_BY_STATE, scope=scope)
        assert told(given)["repeated"] is True
        assert told(given)["cost_nano_rho"] == 0
        assert city.platform.pipeline.budget(scope) == charged
        assert len(city.entries(EntryKind.ANSWER_RELEASED)) == 2  # one private, one of rows
        entry = city.entries(first=given.index)[0]
        verify_receipt(given.receipt, entry.leaf_hash, city.platform.log.verifier_key)
        note = parse_receipt(given.receipt).checkpoint_note
        assert len(signatures_by(note, witness.keys)[1]) == 2

        receipt = tmp_path / "receipt"
        receipt.write_text(given.receipt, encoding="utf-8")
        assert leaf_hash(entry.body) == entry.leaf_hash
        arguments = ["receipt", str(receipt), "--key", city.platform.log.verifier_key.text()]
        arguments += ["--leaf", entry.leaf_hash.hex(), "--lang", "en"]
        mine = [part for key in witness.keys for part in ("--witness-key", key.text())]
        assert run([*arguments, *mine, "--require-witness", "1"]) == 0
        assert "third party's time" in capsys.readouterr().out
        assert run([*arguments, *mine, "--require-witness", "2"]) == 3
        assert run([*arguments, "--require-witness", "1"]) == 3
        assert run(arguments) == 0


def test_what_the_platform_serves_carries_the_cosignatures(
    tmp_path: Path, home: Path, licence: str, witness: WitnessProcess
) -> None:
    witness.start()
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence) as city:
        city.ask(ROWS_QUESTION)
        public, regulator = city.client(), city.client("auditor")
        health = public.get("/api/v1/health").json()
        assert health["log_contradicted"] is False
        told_of = public.get("/api/v1/log/witnesses").json()
        (one,) = told_of["witnesses"]
        assert (one["name"], one["standing"]) == ("regulator.example/w1", "agrees")
        assert told_of["required_before_release"] == 1
        receipt = regulator.get("/api/v1/log/entries/0/receipt").text
        note = parse_receipt(receipt).checkpoint_note
        assert len(signatures_by(note, witness.keys)[1]) == 2

        bundle = regulator.post("/api/v1/log/bundles")
        assert bundle.status_code == 200
        path = tmp_path / "bundle.zip"
        path.write_bytes(bundle.content)
        arguments = ["bundle", str(path), "--key", city.platform.log.verifier_key.text()]
        keys = tmp_path / "witness.key"
        keys.write_text("".join(f"{key.text()}\n" for key in witness.keys), encoding="utf-8")
        demanding = ["--witness-key", str(keys), "--require-witness", "1", "--json"]
        assert run([*arguments, *demanding]) == 0
    kept = httpx.get(f"{witness.url}/{hash_of_origin(ORIGIN)}/checkpoint").text
    assert len(signatures_by(kept, [*witness.keys, log_key(home)])[1]) == 3


def test_a_restored_backup_does_not_start_against_its_witness(
    tmp_path: Path, home: Path, licence: str, witness: WitnessProcess
) -> None:
    witness.start()
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence):
        pass
    shutil.copytree(home, tmp_path / "backup")  # the head file is restored with it
    with opened_city(home, settings=settings, licence=licence) as city:
        city.ask(ROWS_QUESTION)
        city.platform.witnessing.cosigning.round()
    shutil.rmtree(home)
    shutil.copytree(tmp_path / "backup", home)
    with pytest.raises(Unavailable) as found, opened_city(home, settings=settings):
        pass
    assert found.value.code == "log_behind_witness"
    assert found.value.way_out is not None
    running = {thread.name for thread in threading.enumerate()}
    assert "log-writer" not in running
    assert "cosigning" not in running


def test_a_fork_under_the_true_key_does_not_start_and_is_kept_by_the_witness(
    tmp_path: Path, home: Path, licence: str, witness: WitnessProcess
) -> None:
    shutil.copytree(home, tmp_path / "twin")
    witness.start()
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence) as city:
        city.platform.witnessing.cosigning.round()
    twin = Settings(home=tmp_path / "twin")
    for _ in range(3):  # the twin grows beyond what the witness saw of the other
        with opened_city(tmp_path / "twin", settings=twin, licence=licence) as city:
            city.ask(ROWS_QUESTION)
    twin = settings_of(tmp_path / "twin", settings.policies or tmp_path, witness)
    with pytest.raises(Unavailable) as found, opened_city(tmp_path / "twin", settings=twin):
        pass
    assert found.value.code == "log_contradicts_witness"
    memory = witness.place.memory()
    assert [origin for origin, _, _ in memory.disputes()] == [ORIGIN]
    memory.close()


def test_a_witness_that_contradicts_while_running_closes_questions_and_is_logged(
    tmp_path: Path, home: Path, licence: str, witness: WitnessProcess
) -> None:
    shutil.copytree(home, tmp_path / "twin")
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence) as city:
        witness.start()
        twin = settings_of(tmp_path / "twin", settings.policies or tmp_path, witness)
        with opened_city(tmp_path / "twin", settings=twin, licence=licence) as other:
            other.ask(ROWS_QUESTION)
            other.platform.witnessing.cosigning.round()
        city.platform.witnessing.cosigning.round()
        assert city.client().get("/api/v1/health").json()["log_contradicted"] is True
        decided = len(city.entries(EntryKind.QUESTION_DECIDED))
        refusal = refused(city, COUNT_BY_STATE)
        assert refusal.code in {"log_behind_witness", "log_contradicts_witness"}
        assert len(city.entries(EntryKind.QUESTION_DECIDED)) == decided  # nothing was charged
        (contradicted,) = city.entries(EntryKind.WITNESS_CONTRADICTED)
        assert contradicted.public["witness"] == "regulator.example/w1"
        logged = city.entries(EntryKind.QUESTION_REFUSED)[-1]
        assert logged.public["code"] == refusal.code


def test_questions_stop_when_the_witnesses_are_too_late(
    tmp_path: Path, home: Path, licence: str, witness: WitnessProcess
) -> None:
    policies = ruled(tmp_path / "rules", {"witnesses": "1", "delay_seconds_max": "10"})
    rules = policies / "witness" / "national.toml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace("witnesses = 1", "witnesses = 0", 1), encoding="utf-8")
    settings = settings_of(home, policies, witness)
    from foundation.clock import SystemClock  # noqa: PLC0415

    class LateClock(SystemClock):
        """The machine's clock, moved forward by hand."""

        late_us = 0

        def now_us(self) -> int:
            return super().now_us() + self.late_us

    clock = LateClock()
    with opened_city(home, settings=settings, licence=licence, clock=clock) as city:
        refusal = refused(city, ROWS_QUESTION)  # the log of the copied home is old, and uncovered
        assert refusal.code == "witnesses_late"
        logged = city.entries(EntryKind.QUESTION_REFUSED)[-1]
        assert logged.public["code"] == "witnesses_late"
        witness.start()
        city.platform.witnessing.cosigning.round()
        city.ask(ROWS_QUESTION)
        witness.kill()
        clock.late_us = 11_000_000
        city.platform.witnessing.cosigning.round()
        assert refused(city, ROWS_QUESTION).code == "witnesses_late"


def test_rules_that_ask_for_more_witnesses_than_there_are_refuse_to_start(
    tmp_path: Path, home: Path, witness: WitnessProcess
) -> None:
    policies = ruled(tmp_path / "rules", {"witnesses": "2"})
    with (
        pytest.raises(Unavailable) as found,
        opened_city(home, settings=settings_of(home, policies, witness)),
    ):
        pass
    assert found.value.code == "witnesses_unconfigured"


def test_the_witness_command_makes_keys_once_and_tells_what_it_saw(
    tmp_path: Path,
    home: Path,
    licence: str,
    witness: WitnessProcess,
) -> None:
    from typer.testing import CliRunner  # noqa: PLC0415

    from service.cli import app  # noqa: PLC0415

    runner = CliRunner()
    fresh = ["--home", str(tmp_path / "fresh")]
    made = runner.invoke(app, ["witness", "init", "--name", "court.example/w", *fresh])
    assert made.exit_code == 0
    assert runner.invoke(app, ["witness", "key", *fresh]).output == made.output
    trusted = runner.invoke(app, ["witness", "trust", log_key(home).text(), *fresh])
    assert trusted.output.strip() == log_key(home).text()
    assert runner.invoke(app, ["witness", "init", "--name", "x", *fresh]).exit_code != 0

    witness.start()
    settings = before_release(tmp_path, home, witness)
    with opened_city(home, settings=settings, licence=licence):
        pass
    status = runner.invoke(app, ["witness", "status", "--json", "--home", str(witness.home)])
    assert status.exit_code == 0
    found = json.loads(status.output)
    assert found["refused"] == []
    assert found["logs"][0]["origin"] == ORIGIN
