"""What this host enforces, and which modes may start on what it does not."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.confinement import Confinement, Limits, launch
from foundation.errors import Message, Unavailable
from foundation.host_report import LIMIT_NAMES, HostReport, Limit, probe_host
from foundation.settings import Mode
from sandbox.isolation import REQUIRED, check_isolation, isolation_gaps
from sandbox.report import isolation_report
from tests.parts import REPOSITORY, need_namespaces

PROBE = REPOSITORY / "sandbox" / "early_probe.py"
WHY = Message("原因", "a reason")


def report(*missing: str) -> HostReport:
    return HostReport(tuple(Limit(name, name not in missing, WHY) for name in LIMIT_NAMES))


@pytest.mark.parametrize("name", ["namespaces", "seccomp", "memory", "pids", "uid"])
def test_production_refuses_to_start_without(name: str) -> None:
    with pytest.raises(Unavailable, match=name) as refused:
        check_isolation(report(name), Mode.PRODUCTION)
    assert refused.value.code == "isolation_unenforced"
    assert "原因" in refused.value.message.zh


@pytest.mark.parametrize("name", ["namespaces", "seccomp"])
def test_no_mode_starts_without(name: str) -> None:
    with pytest.raises(Unavailable):
        check_isolation(report(name), Mode.DEVELOPMENT)


def test_a_limit_that_was_never_probed_is_missing() -> None:
    assert isolation_gaps(HostReport(()), Mode.PRODUCTION) == tuple(
        sorted(REQUIRED[Mode.PRODUCTION])
    )


def test_with_every_limit_both_modes_start() -> None:
    check_isolation(report(), Mode.PRODUCTION)
    check_isolation(report("memory", "uid", "pids"), Mode.DEVELOPMENT)


def test_the_report_says_each_limit_in_both_languages() -> None:
    shown = isolation_report(report("memory", "cpu"))
    assert not shown.production_ready
    assert shown.development_ready
    assert "✗ Memory limit: a reason" in shown.as_text("en")
    assert "✗ 内存上限: 原因" in shown.as_text("zh-CN")
    assert "✗ 处理器时间上限: 原因" in shown.as_text("zh")
    assert json.dumps(shown.as_json())


def test_a_backend_that_does_not_work_is_one_line_with_its_way_out() -> None:
    found = probe_host(REPOSITORY / ".venv", gvisor=True, runsc=Path("/nonexistent/runsc"))
    assert not found.works
    assert isolation_gaps(found, Mode.DEVELOPMENT)
    said = isolation_report(found, "gvisor").as_text("en")
    assert said.count("\n") == 0
    assert "bookworm-backports" in said


@need_namespaces
def test_this_host_is_probed_by_trying() -> None:
    found = probe_host(REPOSITORY / ".venv")
    names = {limit.name: limit.enforced for limit in found.limits}
    assert tuple(names) == LIMIT_NAMES
    assert names["namespaces"]
    assert names["seccomp"]
    assert names["uid"] == (os.geteuid() == 0)
    assert all(names[name] for name in ("pids", "disk", "inodes", "files", "output", "wall"))


@need_namespaces
def test_the_early_probe_passes_where_namespaces_work() -> None:
    done = subprocess.run(
        [sys.executable, str(PROBE)], capture_output=True, text=True, timeout=5, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@need_namespaces
@pytest.mark.parametrize(("language", "words"), [("zh", "请执行"), ("en", "run: ")])
def test_the_early_probe_prints_one_line_where_they_do_not(language: str, words: str) -> None:
    process = launch(
        Confinement(
            environment=REPOSITORY / ".venv",
            program=PROBE,
            arguments=("--lang", language),
            limits=Limits(128 << 20, 16),
            profile="worker",
        )
    )
    assert process.wait(10) == 1
    assert words in process.output_tail()
    assert process.output_tail().count("\n") == 1


def test_without_bubblewrap_nothing_runs(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("open('/tmp/ran', 'w')")
    broken = tmp_path / "bwrap"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 9.9 || exit 1\n')
    broken.chmod(0o755)
    with pytest.raises(Unavailable) as refused:
        launch(
            Confinement(
                environment=REPOSITORY / ".venv",
                program=program,
                limits=Limits(128 << 20, 16),
                profile="worker",
            ),
            bubblewrap=broken,
        )
    assert refused.value.code == "isolation_unavailable"
    assert refused.value.way_out is not None
