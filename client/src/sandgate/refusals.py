"""A refusal as something to read: what was refused, by which rule, and what would be allowed.

``Refused`` is built from an RFC 9457 problem; in a notebook it is drawn as a card in place of a
traceback, in a terminal its text is the same card in plain lines.
"""

from typing import Any

from sandgate import markup
from sandgate.language import pick, pick_from
from sandgate.shown import mime_bundle

_last: list["Refused"] = []


class Refused(Exception):
    """The gateway said no. ``allowed_sql`` is the form it would accept, where there is one."""

    __module__ = "sandgate"
    kind = "refusal"

    def __init__(self, problem: dict[str, Any]) -> None:
        """Keep the problem's members; unknown ones are left aside."""
        self.code = str(problem.get("code") or "refused")
        self.status = int(problem.get("status") or 0)
        self.field = _text(problem.get("field"))
        self.rule = _text(problem.get("rule"))
        self.messages = problem.get("messages") or {}
        self.detail = _text(problem.get("detail")) or _text(problem.get("title"))
        way_out = problem.get("way_out")
        parts = way_out if isinstance(way_out, dict) else {"text": way_out}
        self._way_out = parts if {"zh", "en"} & parts.keys() else parts.get("text")
        self.allowed_sql = _text(parts.get("sql"))
        super().__init__(self.code)
        _last[:] = [self]

    @property
    def message(self) -> str:
        """The reason, in the operator's language."""
        return pick_from(self.messages) or self.detail or self.code

    @property
    def way_out(self) -> str:
        """What would be accepted, in the operator's language where the gateway gave both."""
        return pick_from(self._way_out)

    def __str__(self) -> str:
        return self.plain()

    def plain(self) -> str:
        """Return the card for a terminal."""
        lines = [f"{_title()}: {self.message}"]
        lines += [f"  {name}: {value}" for name, value in self._facts_shown() if value]
        if self._advice:
            lines.append(f"  {pick('可行做法', 'Way out')}: {self._advice}")
        if self.allowed_sql:
            lines.append(f"  {pick('可用写法', 'Allowed form')}:")
            lines += [f"    {line}" for line in self.allowed_sql.splitlines()]
        return "\n".join(lines)

    def html(self) -> str:
        """Return the card for a notebook, escaped."""
        body = [markup.paragraph(self.message), markup.facts_list(self._facts_shown())]
        if self._advice:
            body.append(markup.paragraph(f"{pick('可行做法：', 'Way out: ')}{self._advice}"))
        if self.allowed_sql:
            hint = pick(
                "点一下即全选，可复制；或运行 sandgate.allowed()",
                "One click selects it all; or run sandgate.allowed()",
            )
            body.append(markup.copyable(self.allowed_sql, hint))
        return markup.card("refused", _title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the refusal for a program."""
        return {
            "code": self.code,
            "status": self.status,
            "field": self.field,
            "rule": self.rule,
            "message": self.message,
            "way_out": self.way_out or None,
            "allowed_sql": self.allowed_sql,
        }

    def mime_bundle(self) -> dict[str, Any]:
        """Return the card in all its forms."""
        return mime_bundle(self.kind, self.plain(), self.html(), self.facts())

    def _repr_html_(self) -> str:
        return self.html()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        del include, exclude
        return self.mime_bundle()

    @property
    def _advice(self) -> str:
        """The way out as the card says it: its SQL stands once, where it can be copied."""
        return (
            self.way_out.replace(self.allowed_sql, "").strip() if self.allowed_sql else self.way_out
        )

    def _facts_shown(self) -> list[tuple[str, str]]:
        return [
            (pick("涉及", "Concerns"), self.field or ""),
            (pick("依据规则", "Rule"), self.rule or ""),
            (pick("代码", "Code"), self.code),
        ]


class Unreachable(Refused):
    """Nothing answers on the gateway's socket: the session is closed, frozen or elsewhere."""

    __module__ = "sandgate"

    def __init__(self) -> None:
        """Say what may have happened; the socket's own error text says nothing to an operator."""
        super().__init__(
            {
                "code": "gateway_unreachable",
                "messages": {
                    "zh": "本会话与平台的唯一通道没有应答：会话可能已结束、被冻结，或授权已暂停。",
                    "en": "The session's one way to the platform does not answer: the session may "
                    "have ended, been frozen, or its licence been suspended.",
                },
                "way_out": {
                    "zh": "请在平台页面查看会话与授权状态。",
                    "en": "Look up the state of the session and the licence on the platform.",
                },
            }
        )


def last_refusal() -> Refused | None:
    """Return the last refusal of this kernel, or None."""
    return _last[0] if _last else None


def _title() -> str:
    return pick("未获准", "Not permitted")


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)
