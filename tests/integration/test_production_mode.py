"""I10: production starts on nothing less than it promises, and no setting weakens a rule."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from audit.tags import EntryKind
from foundation.errors import Message, Unavailable
from foundation.host_report import LIMIT_NAMES, HostReport, Limit
from foundation.settings import Mode, Settings
from policies.load import load_policies
from policies.schema import RuleFile
from policies.schema.disclosure import DisclosureRules
from policies.schema.gate import GateRules
from policies.schema.masks import MaskRules
from policies.schema.privacy import PrivacyRules
from policies.schema.revenue import RevenueRules
from sandbox.isolation import REQUIRED, check_isolation
from service.bootstrap import build_platform
from service.serving import serve_forever
from tests.city import good_host, opened_city
from tests.parts import REPOSITORY, need_namespaces

WHY = Message("原因", "a reason")
# Every setting there is. A new one is added here by somebody who made sure of this file's promise.
SETTINGS = {
    "home",
    "mode",
    "database_url",
    "host",
    "port",
    "language",
    "log_origin",
    "platform_host",
    "session_environment",
    "bubblewrap",
    "session_backend",
    "runsc",
    "policies",
    "key_holder",
    "data_cipher",
    "sm_profile",
    "pkcs11_module",
    "pkcs11_token",
    "pkcs11_pin_file",
    "authority_key",
    "witnesses",
    "witness_home",
    "session_memory_bytes_max",
    "session_pids_max",
    "session_home_bytes_max",
    "session_files_max",
    "session_processors_max",
    "session_idle_seconds_max",
    "session_wall_seconds_max",
    "session_memory_budget_bytes",
    "session_memory_committed_bytes",
    "session_slots_floor",
    "session_slots_ceiling",
    "session_slot_seconds_max",
    "session_preload",
    "worker_memory_bytes_max",
    "workers_resident_max",
    "aggregate_processors",
    "jurisdiction",  # which shipped pack holds: a jurisdiction's clocks and words, no noise
    "founding",
    "login_issuers",
    "public_url",
    "source_connections",
    "smtp_host",
    "smtp_port",
    "smtp_security",
    "smtp_authorities",
    "smtp_sender",
    "smtp_user",
    "smtp_password_file",
    "webhook_hosts",
    "webhook_inner_hosts",
}


def lacking(*names: str) -> HostReport:
    return HostReport(tuple(Limit(name, name not in names, WHY) for name in LIMIT_NAMES))


def test_production_refuses_the_development_issuer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", mode=Mode.PRODUCTION)
    with pytest.raises(Unavailable) as found:
        build_platform(settings, host=good_host())
    assert found.value.code == "development_issuer_in_production"
    assert found.value.rule == "I10"
    assert not (settings.home / "control.db").exists()


@pytest.mark.parametrize("name", sorted(REQUIRED[Mode.PRODUCTION]))
def test_production_refuses_a_host_that_lacks(name: str) -> None:
    with pytest.raises(Unavailable) as found:
        check_isolation(lacking(name), Mode.PRODUCTION)
    assert found.value.code == "isolation_unenforced"


@pytest.mark.parametrize("name", ["namespaces", "seccomp"])
def test_no_mode_starts_without_confinement(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(Unavailable) as found:
        build_platform(settings, host=lacking(name))
    assert found.value.code == "isolation_unenforced"
    assert not (settings.home / "control.db").exists()


def test_a_refusal_to_start_is_one_sentence_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(home=tmp_path / "home", mode=Mode.PRODUCTION, language="en")
    assert serve_forever(settings) == 1
    said = capsys.readouterr().err
    assert "development issuer" in said
    assert "Traceback" not in said


def test_a_refused_start_leaves_nothing_running_and_the_next_may_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with opened_city(home):
        before = {thread.name for thread in threading.enumerate()}
        with pytest.raises(Unavailable) as found:  # one writer of one log at a time
            build_platform(Settings(home=home), host=good_host())
        assert found.value.code == "log_writer_running"
        assert {thread.name for thread in threading.enumerate()} <= before
    broken = home / "head" / "head"
    whole = broken.read_bytes()
    broken.write_bytes(b"nonsense")
    with pytest.raises(Unavailable):
        build_platform(Settings(home=home), host=good_host())
    broken.write_bytes(whole)
    with opened_city(home) as city:
        assert city.log_size() > 0


def test_no_setting_is_a_rule() -> None:
    assert set(Settings.model_fields) == SETTINGS
    pack = load_policies()
    for section in (PrivacyRules, GateRules, DisclosureRules, MaskRules, RevenueRules):
        rules = set(pack.rules(section).model_dump()) - set(RuleFile.model_fields)
        assert not SETTINGS & rules


ASK = """
import json, sys
from pathlib import Path
from foundation.settings import Settings
from tests.city import COUNT_BY_STATE, built_city
settings = Settings(home=Path(sys.argv[1]))
with built_city(settings.home, settings=settings) as city:
    print(json.dumps(city.platform.pipeline.estimate(city.scope(), COUNT_BY_STATE, None)))
"""
TRIED = {
    "SANDGATE_QUESTION_NANO_RHO_DEFAULT": "50000000",
    "SANDGATE_QUESTION_NANO_RHO_MIN": "1",
    "SANDGATE_POPULATION_LIFETIME_NANO_RHO_MAX": "9000000000000",
    "SANDGATE_NOISE": "0",
    "SANDGATE_SCALE": "0",
    "SANDGATE_ANSWER_SLOT_MILLISECONDS": "0",
    "SANDGATE_SESSION_MEMORY_BYTES_MAX": "1000000000",
    "SANDGATE_WORKERS_RESIDENT_MAX": "2",
}


@need_namespaces
def test_no_variable_of_the_environment_changes_the_noise(tmp_path: Path) -> None:
    found = []
    for number, variables in enumerate(({}, TRIED)):
        done = subprocess.run(
            [sys.executable, "-c", ASK, str(tmp_path / f"home{number}")],
            cwd=REPOSITORY,
            env={"PATH": os.defpath, "PYTHONPATH": str(REPOSITORY), **variables},
            capture_output=True,
            check=True,
            timeout=60,
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert found[0]["cost_nano_rho"] == 5_000_000


def test_the_rules_in_force_are_named_by_the_log_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for _ in range(2):
        with opened_city(home) as city:
            (loaded,) = city.entries(EntryKind.POLICY_LOADED)
            assert loaded.public["policy_digest"] == city.platform.pack.digest
            started = city.entries(EntryKind.SERVICE_STARTED)
            assert started[-1].public["policy_digest"] == city.platform.pack.digest
    assert len(started) == 2
