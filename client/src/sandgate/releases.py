"""A release that was asked for: its state, its files, and what each check said of them."""

from dataclasses import dataclass
from typing import Any

from sandgate import markup
from sandgate.language import pick, pick_from
from sandgate.shown import Shown

_STATES = {
    "draft": ("草稿", "draft"),
    "submitted": ("已提交", "submitted"),
    "automatic_checks": ("自动检查中", "automatic checks"),
    "checked": ("待人工审核", "waiting for two people"),
    "approved": ("已批准", "approved"),
    "released": ("已放行", "released"),
    "returned": ("已退回", "returned"),
    "refused": ("未批准", "refused"),
    "delivered": ("已交付", "delivered"),
    "recalled": ("已召回", "recalled"),
    "withdrawn": ("已撤回", "withdrawn"),
}
_ENDED_BADLY = {"returned", "refused", "recalled"}


@dataclass(frozen=True, repr=False)
class ReleaseRequest(Shown):
    """A request that files may leave; two checkers of another organisation decide."""

    details: dict[str, Any]
    kind = "release"

    @property
    def release_id(self) -> str:
        """The request's own name."""
        return str(self.details.get("release_id") or self.details.get("id") or "")

    @property
    def state(self) -> str:
        """Where the request stands."""
        return str(self.details.get("state") or "")

    @property
    def findings(self) -> list[dict[str, Any]]:
        """What the checks found: ``check``, ``file``, ``ok`` and ``text``."""
        return list(self.details.get("checks") or [])

    @property
    def comments(self) -> list[dict[str, Any]]:
        """What was written on the request, as far as its author may read it now."""
        return list(self.details.get("comments") or [])

    def plain(self) -> str:
        """Return name, state, and every check that failed."""
        head = f"{self._title()}: {self.release_id} {self.state}".rstrip()
        rows = self._rows(failed=True)
        failed = [f"  ✗ {file or '–'} · {check}: {text}" for file, check, _, text in rows]
        said = [f"  “{item.get('comment')}”" for item in self.comments]
        return "\n".join([head, *failed, *said])

    def html(self) -> str:
        """Return the request as a card; failed checks stand open, those passed fold away."""
        facts = [
            (pick("申请编号", "Request"), self.release_id),
            (pick("答案编号", "Answer"), str(self.details.get("answer_id") or "")),
            (pick("状态", "State"), pick(*_STATES.get(self.state, (self.state, self.state)))),
            (pick("文件", "Files"), "、".join(self._names())),
        ]
        body = [markup.facts_list(facts), *self._checks(), *self._comments()]
        tone: markup.Tone = "refused" if self.state in _ENDED_BADLY else "good"
        body.append(markup.paragraph(self._note(), quiet=True))
        return markup.card(tone, self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    def _names(self) -> list[str]:
        made = self.details.get("files") or self.details.get("drafts") or []
        return [str(item.get("name")) for item in made]

    def _rows(self, *, failed: bool) -> list[tuple[str, str, str, str]]:
        return [
            (
                str(item.get("file") or ""),
                str(item.get("check") or ""),
                pick("未通过", "failed") if failed else pick("通过", "passed"),
                pick_from(item.get("text")),
            )
            for item in self.findings
            if bool(item.get("ok")) is not failed
        ]

    def _checks(self) -> list[str]:
        head = [pick("文件", "File"), pick("检查", "Check"), pick("结果", "Result")]
        head.append(pick("理由", "Reason"))
        failed, passed = self._rows(failed=True), self._rows(failed=False)
        parts = [markup.table(head, failed, [False] * 4)] if failed else []
        if passed:
            told = pick(f"{len(passed)} 项检查通过", f"{len(passed)} checks passed")
            parts.append(markup.folded(told, markup.table(head, passed, [False] * 4)))
        return parts

    def _comments(self) -> list[str]:
        said = pick("意见", "Comment")
        return [markup.paragraph(f"{said}：{item.get('comment')}") for item in self.comments]

    def _note(self) -> str:
        if self.state == "draft":
            return pick("尚未提交；用 .submit() 提交。", "Not submitted yet: use .submit().")
        if self.state == "returned":
            return pick(
                "请按上列理由修改文件，再用 .submit() 重新提交；修改后须重新投票。",
                "Change the files for the reasons above and .submit() again; votes start anew.",
            )
        return pick(
            "平台将重新计算并检查文件，再由其他机构的两人审核；放行的是平台重新编码的文件。",
            "The desk recomputes and checks the files, two people of another organisation "
            "decide, and the platform's own re-encoded files are what leaves.",
        )

    def _title(self) -> str:
        if self.state == "draft":
            return pick("出域申请草稿", "Release draft")
        return pick("已提交出域申请", "Release requested")
