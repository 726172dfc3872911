"""A release that was asked for: one stored answer, by its name; no bytes leave the session."""

from dataclasses import dataclass
from typing import Any

from sandgate import markup
from sandgate.language import pick
from sandgate.shown import Shown


@dataclass(frozen=True, repr=False)
class ReleaseRequest(Shown):
    """A request that one stored answer may leave; two checkers of another organisation decide."""

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

    def plain(self) -> str:
        """Return name and state."""
        return f"{self._title()}: {self.release_id} {self.state}".rstrip()

    def html(self) -> str:
        """Return the request as a card."""
        facts = [
            (pick("申请编号", "Request"), self.release_id),
            (pick("答案编号", "Answer"), str(self.details.get("answer_id") or "")),
            (pick("状态", "State"), self.state),
        ]
        note = pick(
            "平台将重新计算并检查该答案，再由其他机构的两人审核；放行的是平台重新编码的文件。",
            "The desk recomputes and checks this answer, two people of another organisation "
            "decide, and the platform's own re-encoded file is what leaves.",
        )
        body = [markup.facts_list(facts), markup.paragraph(note, quiet=True)]
        return markup.card("good", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    @staticmethod
    def _title() -> str:
        return pick("已提交出域申请", "Release requested")
