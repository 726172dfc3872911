"""Try what the sandbox forbids and say what stopped it; a success is shown as one, in red.

Only errors that a closed door gives count as being stopped. A time-out or a refused connection
proves nothing, and any other exception is a mistake of the attempt and is raised.
"""

import errno
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sandgate import markup, transport
from sandgate.language import pick
from sandgate.refusals import Refused
from sandgate.shown import Shown

_NO_NETWORK = ("network_stopped", "沙箱内没有网络", "there is no network in the sandbox")
_CAUSES: dict[int, tuple[str, str, str]] = {
    errno.EPERM: ("not_permitted", "系统调用被禁止", "the system call is forbidden"),
    errno.EACCES: ("access_denied", "没有访问权限", "access is denied"),
    errno.ENOENT: ("absent", "沙箱内不存在该文件", "no such file exists in the sandbox"),
    errno.EROFS: ("read_only", "文件系统只读", "the file system is read-only"),
    errno.EAFNOSUPPORT: _NO_NETWORK,
    errno.ENETUNREACH: _NO_NETWORK,
    errno.EHOSTUNREACH: _NO_NETWORK,
    errno.ENETDOWN: _NO_NETWORK,
}
_UNCLEAR = ("unclear", "失败了，但不能证明是被阻止的", "it failed, which does not prove a barrier")
_NOT_STOPPED = ("not_stopped", "未被阻止：请报告此事", "NOT stopped: please report this")


@dataclass(frozen=True, repr=False)
class Attempt(Shown):
    """What became of an attempt; ``stopped`` only where a closed door is proven."""

    label: tuple[str, str]
    code: str
    reasons: tuple[str, str]
    error_name: str
    logged: bool = False
    kind = "attempt"

    @property
    def stopped(self) -> bool:
        """Whether a barrier is known to have stopped it."""
        return self.code not in {_NOT_STOPPED[0], _UNCLEAR[0]}

    def plain(self) -> str:
        """Return the card for a terminal."""
        colon = pick("：", ": ")
        told = f"{self._title()}{colon}{pick(*self.reasons)} [{self.code}] {self.error_name}"
        return told.rstrip()

    def html(self) -> str:
        """Return the card for a notebook."""
        facts = [
            (pick("代码", "Code"), self.code),
            (pick("系统错误", "Error"), self.error_name),
            (pick("记入日志", "Logged"), pick("是", "yes") if self.logged else pick("否", "no")),
        ]
        body = [markup.paragraph(pick(*self.reasons)), markup.facts_list(facts)]
        return markup.card("good" if self.stopped else "refused", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the outcome for a program."""
        return {
            "label": self.label[1],
            "stopped": self.stopped,
            "code": self.code,
            "error": self.error_name,
            "logged": self.logged,
            "messages": {
                "zh": f"{self.label[0]}：{self.reasons[0]}。",
                "en": f"{self.label[1][:1].upper()}{self.label[1][1:]}: {self.reasons[1]}.",
            },
        }

    def _title(self) -> str:
        outcome = pick("已被阻止", "Stopped") if self.stopped else pick("未被阻止", "Not stopped")
        return f"{outcome} · {pick(*self.label)}"


def attempt(label: str | tuple[str, str], action: Callable[[], object]) -> Attempt:
    """Call ``action`` and return what stopped it; ``label`` is one text, or (Chinese, English)."""
    names = (label, label) if isinstance(label, str) else label
    try:
        action()
    except OSError as error:
        number = _number(error)
        code, zh, en = _CAUSES.get(number, _UNCLEAR)
        error_name = errno.errorcode.get(number, type(error).__name__)
        return _reported(Attempt(names, code, (zh, en), error_name))
    code, zh, en = _NOT_STOPPED
    return _reported(Attempt(names, code, (zh, en), ""))


def _reported(made: Attempt) -> Attempt:
    """Tell the platform, so that the attempt stands in the log; say whether it does."""
    body = {"label": " / ".join(made.label)[:200], "code": made.code, "stopped": made.stopped}
    try:
        answer = transport.ask(transport.socket_path(), "POST", "/v1/attempts", body)
    except Refused:
        return made
    return replace(made, logged=bool(json.loads(answer)["logged"]))


def _number(error: OSError) -> int:
    """Return the errno, also of the error that urllib wraps."""
    inner = getattr(error, "reason", None)
    source = inner if isinstance(inner, OSError) else error
    return source.errno or 0
