"""``./dev demo``: plays the main job in eight steps and says at which step it failed, if any."""

import argparse
import fcntl
import json
import locale
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from importlib import metadata
from typing import IO, Any

from rich.console import Console
from rich.table import Table

from examples.demo import (
    answers_step,
    audit_step,
    data_step,
    licence_step,
    release_step,
    revenue_step,
    revocation_step,
    session_step,
)
from examples.demo.notebook import SessionClient, read_notebook
from examples.demo.stage import REPOSITORY, Stage
from examples.report.build_report import build

Step = Callable[[Stage], dict[str, str]]
STEPS: tuple[tuple[str, str, Step], ...] = (
    ("数据登记", "Data", data_step.play),
    ("授权", "Licence", licence_step.play),
    ("会话", "Session", session_step.play),
    ("答案", "Answers", answers_step.play),
    ("出域", "Release", release_step.play),
    ("收益", "Revenue", revenue_step.play),
    ("审计", "Audit", audit_step.play),
    ("撤销", "Revocation", revocation_step.play),
)
KEEP_CHECKPOINT_AFTER = 3


def main() -> int:
    """Play the story; return 0 only where every step happened."""
    options = _options()
    stage = Stage(
        language=options.lang,
        home=REPOSITORY / ".sandgate" / "demo",
        output=REPOSITORY / "demo-output",
    )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 110)
    alone = _only_demo(stage)
    if alone is None:
        console.print(stage.say("另一个演示正在运行。", "Another demonstration is running here."))
        return 2
    shutil.rmtree(stage.output, ignore_errors=True)
    _fetch_data(options.lang)
    started = time.monotonic()
    try:
        stage.start_service()
        done = _play(stage, console)
        _report(stage, done, time.monotonic() - started)
        _summary(stage, console, done, time.monotonic() - started)
        finished = len(done) == len(STEPS) and all(step["ok"] for step in done)
        if options.keep and finished:
            _keep(stage, console)
    finally:
        stage.stop_service()
    return 0 if finished else 1


def _only_demo(stage: Stage) -> IO[str] | None:
    """Hold the one stage of this checkout, or return None while another demo plays on it."""
    stage.home.parent.mkdir(parents=True, exist_ok=True)
    lock = stage.home.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _options() -> argparse.Namespace:
    language = "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--lang", choices=("zh", "en"), default=language)
    parser.add_argument("--keep", action="store_true", help="leave the service up at the end")
    return parser.parse_args()


def _fetch_data(language: str) -> None:
    command = [sys.executable, "-m", "examples.fetch_data", "--lang", language]
    subprocess.run(command, cwd=REPOSITORY, check=True)


def _play(stage: Stage, console: Console) -> list[dict[str, Any]]:
    done: list[dict[str, Any]] = []
    for number, (zh, en, step) in enumerate(STEPS, 1):
        title = stage.say(zh, en)
        started = time.monotonic()
        facts: dict[str, Any] = {
            "number": number,
            "title": {"zh": zh, "en": en},
            "ok": True,
            "checks": [],
        }
        try:
            with console.status(f"{number}/{len(STEPS)} {title} …"):
                facts["summary"] = step(stage)
                if number == KEEP_CHECKPOINT_AFTER:
                    audit_step.keep_checkpoint(stage)
        except Exception as error:  # noqa: BLE001 - any failure of a step is the demo's finding
            facts |= {"ok": False, "summary": {"zh": str(error), "en": str(error)}}
            console.print(f"[red]step {number} failed[/red] {title}: {error}", markup=True)
            traceback.print_exc(file=sys.stderr)
        facts["seconds"] = time.monotonic() - started
        done.append(facts)
        if not facts["ok"]:
            break
        said = facts["summary"][stage.language]
        console.print(
            f"[green]step {number} ok[/green]  {title} · {facts['seconds']:.1f} s\n  {said}"
        )
    return done


def _report(stage: Stage, done: list[dict[str, Any]], seconds: float) -> None:
    kept: dict[str, Any] = {
        name: stage.facts[name]
        for name in (
            "data",
            "comparison",
            "charts",
            "refusals",
            "release",
            "revenue",
            "statements",
            "verification",
            "received",
        )
        if name in stage.facts
    }
    facts: dict[str, Any] = {
        "format": "sandgate/report@1",
        "version": metadata.version("sandgate"),
        "generated": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seconds_total": seconds,
        "steps": done,
        "host": _host(stage),
        **kept,
    }
    stage.write("facts.json", facts)
    python = REPOSITORY / ".venv-session" / "bin" / "python"
    stage.write("report.html", build(facts, stage.language, python))


def _host(stage: Stage) -> list[dict[str, Any]]:
    lines = json.loads(stage.command("doctor", "--json"))["limits"]
    return [
        {
            "name": line["title"],
            "enforced": line["enforced"],
            "reason": line["how"],
        }
        for line in lines
    ]


def _summary(stage: Stage, console: Console, done: list[dict[str, Any]], seconds: float) -> None:
    table = Table(title=stage.say("沙闸演示", "Sandgate demonstration"))
    for heading in (stage.say("步骤", "Step"), stage.say("结果", "Result"), stage.say("秒", "s")):
        table.add_column(heading, overflow="fold")
    for step in done:
        mark = "ok" if step["ok"] else "FAILED"
        table.add_row(
            f"{step['number']}. {step['title'][stage.language]} {mark}",
            step["summary"][stage.language],
            f"{step['seconds']:.1f}",
        )
    console.print(table)
    shown = stage.output.relative_to(REPOSITORY)
    console.print(
        stage.say(
            f"共 {seconds:.0f} 秒。报告：{shown}/report.html  证据包：{shown}/evidence.zip",
            f"{seconds:.0f} s in all. Report: {shown}/report.html  Evidence: {shown}/evidence.zip",
        )
    )


def _keep(stage: Stage, console: Console) -> None:
    """Resume the licence, open a session for a browser, and wait until told to stop."""
    licence = stage.facts["licence"]
    stage.callers["founder"].post(f"/licences/{licence}/resume", {"reason": "demo"}, expect=200)
    analyst = stage.callers["analyst"]
    session = analyst.post("/sessions", {"licence": licence})
    tickets = f"/sessions/{session['id']}/tickets"
    client = SessionClient(stage, analyst.post(tickets)["url"])
    for notebook in (session_step.NOTEBOOK, session_step.GALLERY):
        client.put_notebook(notebook.name, read_notebook(notebook))
    page = analyst.post(tickets)["page"]
    console.print(
        stage.say(f"在浏览器中打开（一分钟内有效）：{page}", f"Open within a minute: {page}"),
        soft_wrap=True,
    )
    console.print(stage.say("按 Ctrl-C 结束。", "Press Ctrl-C to stop."))
    try:
        if stage.server is not None:
            stage.server.wait()
    except KeyboardInterrupt:
        console.print(stage.say("正在停止。", "Stopping."))


if __name__ == "__main__":
    sys.exit(main())
