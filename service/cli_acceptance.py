"""``sandgate acceptance``: the acceptance list of a data bureau, played and reported."""

import json
from pathlib import Path
from typing import Annotated

import typer

from foundation.errors import Message
from foundation.settings import Settings

POLICY_UNMET = 3


def acceptance(
    only: Annotated[
        list[int] | None, typer.Option("--item", help="a row to play; may be repeated 只演示某项")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    language: Annotated[str, typer.Option("--lang", help="zh or en")] = "",
    pdf: Annotated[
        Path | None, typer.Option("--pdf", help="write the panel's report there 验收报告")
    ] = None,
) -> None:
    """Play the acceptance list on a temporary installation and report row by row. 验收清单"""
    from service.acceptance.report import (  # noqa: PLC0415 - other commands start faster
        Verdict,
        play,
        summary,
        verdict_lines,
    )
    from service.acceptance.report import as_json as report_json  # noqa: PLC0415
    from service.acceptance.report import heading as report_heading  # noqa: PLC0415
    from service.acceptance.report_paper import report_pdf  # noqa: PLC0415
    from service.acceptance.stage import open_stage  # noqa: PLC0415
    from service.acceptance.trials import TRIALS  # noqa: PLC0415

    spoken = language or Settings().language

    def tell(verdict: Verdict) -> None:
        if not as_json:
            typer.echo("\n".join(verdict_lines(verdict, spoken)))

    with open_stage() as stage:
        started_us = stage.clock.now_us()
        if not as_json:
            preparing = Message("演示环境已就绪。", "The temporary installation is ready.")
            typer.echo(report_heading(spoken, started_us))
            typer.echo(preparing.in_language(spoken), err=True)
        verdicts = play(stage, TRIALS, only or (), tell)
        digest = stage.platform.pack.digest
    if pdf is not None:
        pdf.write_bytes(report_pdf(verdicts, started_us, digest))
    if as_json:
        told = report_json(verdicts, started_us, digest)
        typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
    else:
        typer.echo(summary(verdicts).in_language(spoken))
    raise typer.Exit(0 if all(verdict.passed for verdict in verdicts) else POLICY_UNMET)
