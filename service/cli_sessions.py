"""Commands on sessions, the reviews of their notebooks and unattended runs, over the HTTP API."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from service.cli_remote import (
    DEFAULT_URL,
    Language,
    Token,
    Url,
    call,
    path_part,
    read_text,
    show,
)

session = typer.Typer(no_args_is_help=True, help="Sessions, and what runs in them. 沙箱会话")
review = typer.Typer(no_args_is_help=True, help="Reviews of notebooks. 笔记本审查")
run = typer.Typer(no_args_is_help=True, help="Unattended runs. 无人值守运行")
session.add_typer(review, name="review")
session.add_typer(run, name="run")

Reason = Annotated[str, typer.Option(help="why; it goes into the log")]
Licence = Annotated[str, typer.Option(help="of this licence only")]
Budget = Annotated[int, typer.Option(help="the most privacy loss, in nano-rho")]
Money = Annotated[int, typer.Option(help="the most money, in micro-fen")]
Seconds = Annotated[int, typer.Option(help="the longest time, in seconds")]
Project = Annotated[str, typer.Option(help="one of the licence's projects")]


@session.command("list")
def session_list(
    token: Token,
    licence: Licence = "",
    live: Annotated[bool, typer.Option(help="only those that have not ended")] = False,
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """List sessions: one's own; all of them for authority and regulator. 会话列表"""
    asked = {**({"licence": licence} if licence else {}), **({"live": "true"} if live else {})}
    show(call("GET", f"{url}/api/v1/sessions?{urlencode(asked)}", token, language))


@session.command("show")
def session_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print where a session stands, when it ends, and any warning. 查看会话"""
    show(call("GET", f"{url}/api/v1/sessions/{path_part(identifier)}", token, language))


@session.command("close")
def session_close(
    identifier: str,
    token: Token,
    reason: Annotated[str, typer.Option(help="why: the authority must say")] = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """End a session: one's own, or with a reason any, as the authority. 关闭会话"""
    address = f"{url}/api/v1/sessions/{path_part(identifier)}"
    if reason:
        show(call("POST", f"{address}/closure", token, language, {"reason": reason}))
    else:
        show(call("POST", f"{address}/close", token, language))


@session.command("freeze")
def session_freeze(
    identifier: str, token: Token, reason: Reason, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Freeze a session, as the authority: it answers nothing more. 冻结会话"""
    address = f"{url}/api/v1/sessions/{path_part(identifier)}/freeze"
    show(call("POST", address, token, language, {"reason": reason}))


@session.command("production")
def session_production(
    identifier: str,
    token: Token,
    review_id: Annotated[str, typer.Option("--review", help="an approved review")],
    budget: Budget,
    money: Money,
    seconds: Seconds,
    project: Project = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Move a debug session to production: its reviewed notebook runs by itself. 转入生产运行"""
    address = f"{url}/api/v1/sessions/{path_part(identifier)}/production"
    show(call("POST", address, token, language, _run(review_id, budget, money, seconds, project)))


@review.command("list")
def review_list(
    token: Token, licence: Licence = "", url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """List the reviews that you may see. 审查列表"""
    asked = urlencode({"licence": licence} if licence else {})
    show(call("GET", f"{url}/api/v1/reviews?{asked}", token, language))


@review.command("show")
def review_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print a review, with its code for whoever may read it. 查看审查"""
    show(call("GET", f"{url}/api/v1/reviews/{path_part(identifier)}", token, language))


@review.command("submit")
def review_submit(
    notebook: Path,
    token: Token,
    licence: Annotated[str, typer.Option(help="under which licence it is to run")],
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Submit a notebook for review; only its code cells are kept. 提交笔记本审查"""
    body = {"licence": licence, "notebook": read_text(notebook)}
    show(call("POST", f"{url}/api/v1/reviews", token, language, body))


DECISIONS = {
    "approve": "Approve exactly the notebook with this digest. 通过审查",
    "return": "Return a notebook, with a comment. 退回修改",
}


def _decision_command(decision: str, sentence: str) -> None:
    @review.command(decision, help=sentence)
    def _decide(
        identifier: str,
        token: Token,
        digest: Annotated[str, typer.Option(help="the digest of the notebook that you read")],
        comment: Annotated[str, typer.Option(help="what you found")] = "",
        url: Url = DEFAULT_URL,
        language: Language = "zh",
    ) -> None:
        address = f"{url}/api/v1/reviews/{path_part(identifier)}/decision"
        body = {"decision": decision, "notebook_digest": digest, "comment": comment}
        show(call("POST", address, token, language, body))


for _name, _sentence in DECISIONS.items():
    _decision_command(_name, _sentence)


@review.command("withdraw")
def review_withdraw(
    identifier: str, token: Token, reason: Reason, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """End a review or an approval; what runs on it stops. 撤销审查"""
    address = f"{url}/api/v1/reviews/{path_part(identifier)}/withdrawal"
    show(call("POST", address, token, language, {"reason": reason}))


@run.command("start")
def run_start(
    review_id: str,
    token: Token,
    budget: Budget,
    money: Money,
    seconds: Seconds,
    project: Project = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Run a reviewed notebook once, under these caps. 无人值守运行"""
    body = _run(review_id, budget, money, seconds, project)
    show(call("POST", f"{url}/api/v1/runs", token, language, body))


@run.command("follow")
def run_follow(
    review_id: str,
    dataset: str,
    token: Token,
    budget: Budget,
    money: Money,
    seconds: Seconds,
    project: Project = "",
    url: Url = DEFAULT_URL,
    language: Language = "zh",
) -> None:
    """Run a reviewed notebook on each new version of a data set. 订阅新版本"""
    body = {**_run(review_id, budget, money, seconds, project), "dataset": dataset}
    show(call("POST", f"{url}/api/v1/runs/subscriptions", token, language, body))


@run.command("unfollow")
def run_unfollow(
    identifier: str, token: Token, reason: Reason, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """End a subscription. 终止订阅"""
    address = f"{url}/api/v1/runs/subscriptions/{path_part(identifier)}/end"
    show(call("POST", address, token, language, {"reason": reason}))


@run.command("list")
def run_list(
    token: Token, licence: Licence = "", url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """List the runs that you may see. 运行列表"""
    asked = urlencode({"licence": licence} if licence else {})
    show(call("GET", f"{url}/api/v1/runs?{asked}", token, language))


@run.command("show")
def run_show(
    identifier: str, token: Token, url: Url = DEFAULT_URL, language: Language = "zh"
) -> None:
    """Print where a run stands, what it cost, and where it failed. 查看运行"""
    show(call("GET", f"{url}/api/v1/runs/{path_part(identifier)}", token, language))


def _run(review_id: str, budget: int, money: int, seconds: int, project: str) -> dict[str, Any]:
    caps = {
        "budget_nano_rho_max": budget,
        "money_micro_fen_max": money,
        "wall_seconds_max": seconds,
    }
    return {"review": review_id, "project": project or None, **caps}
