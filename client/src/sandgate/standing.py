"""Where this session stands, what is installed in it, and what was handed in or asked for."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from sandgate import figures, markup
from sandgate.language import pick, pick_from
from sandgate.money import yuan
from sandgate.shown import Shown

_MODES = {
    "debug": ("调试（合成数据）", "debug (synthetic data)"),
    "production": ("生产（真实数据）", "production (real data)"),
}
_REVIEW_STATES = {
    "submitted": ("待审查", "submitted"),
    "approved": ("已批准", "approved"),
    "returned": ("已退回", "returned"),
    "withdrawn": ("已撤回", "withdrawn"),
    "superseded": ("已被替代", "superseded"),
}
_PACKAGE_STATES = {
    "requested": ("待审批", "requested"),
    "approved": ("已批准", "approved"),
    "refused": ("未批准", "refused"),
}
Facts = list[tuple[str, str]]


@dataclass(frozen=True, repr=False)
class _Card(Shown):
    """A description by the gateway, shown as a list of facts."""

    details: dict[str, Any]

    def plain(self) -> str:
        """Return one fact a line."""
        facts = [f"  {name}: {value}" for name, value in self._facts() if value]
        return "\n".join([self._title(), *(f"  ! {text}" for text in self._warnings()), *facts])

    def html(self) -> str:
        """Return the facts as a card."""
        warned = [markup.warning(text) for text in self._warnings()]
        body = [
            *warned,
            markup.facts_list(self._facts()),
            markup.paragraph(self._note(), quiet=True),
        ]
        return markup.card("plain", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    @abstractmethod
    def _title(self) -> str:
        """Return the card's heading."""

    @abstractmethod
    def _facts(self) -> Facts:
        """Return names and values; those without a value are not shown."""

    def _warnings(self) -> list[str]:
        return []

    def _note(self) -> str:
        return ""


class Status(_Card):
    """This session: mode, time, licence days, what was spent and what is left."""

    kind = "status"

    @property
    def mode(self) -> str:
        """``debug`` or ``production``."""
        return str(self.details.get("mode") or "")

    @property
    def minutes_left(self) -> int | None:
        """Whole minutes until the session ends."""
        return _whole(self.details.get("minutes_left"))

    @property
    def licence_days_left(self) -> int:
        """Whole days until the licence ends."""
        return int(self.details.get("licence_days_left") or 0)

    def _title(self) -> str:
        return pick("本会话", "This session")

    def _facts(self) -> Facts:
        told = self.details
        return [
            (pick("模式", "Mode"), pick(*_MODES.get(self.mode, (self.mode, self.mode)))),
            (pick("授权", "Licence"), str(told.get("licence") or "")),
            (pick("授权剩余", "Licence ends in"), _days(self.licence_days_left)),
            (pick("会话还剩", "Session ends in"), _minutes(self.minutes_left)),
            (pick("无操作停止", "Idle stop in"), _minutes(_whole(told.get("idle_minutes_left")))),
            (pick("本会话费用", "Spent here"), yuan(int(told.get("spent_micro_fen") or 0))),
            (pick("本会话隐私消耗", "Privacy spent here"), _rho(told.get("spent_nano_rho"))),
            *[
                (
                    pick("隐私预算剩余", "Privacy budget left"),
                    f"{_rho(line['budget_nano_rho_remaining'])} · {line['population']}",
                )
                for line in told.get("budgets") or []
            ],
        ]

    def _warnings(self) -> list[str]:
        warned = pick_from(self.details.get("warning"))
        return [warned] if warned else []


@dataclass(frozen=True, repr=False)
class Environment(Shown):
    """What is installed in sessions, pinned; ``digest`` is what results name."""

    details: dict[str, Any]
    kind = "environment"

    @property
    def digest(self) -> str:
        """The environment's digest."""
        return str(self.details.get("environment_digest") or "")

    @property
    def packages(self) -> dict[str, str]:
        """Versions by package."""
        return {item["package"]: item["version"] for item in self.details.get("packages") or []}

    def plain(self) -> str:
        """Return digest and packages as text."""
        rows = [list(item) for item in self.packages.items()]
        return f"{self._title()} {self.digest}\n{markup.plain_table(self._head(), rows)}"

    def html(self) -> str:
        """Return digest and packages as a card; the table folds out."""
        table = markup.table(self._head(), list(self.packages.items()), [False, False])
        count = len(self.packages)
        body = [
            markup.facts_list([(pick("环境摘要", "Digest"), self.digest)]),
            markup.folded(pick(f"{count} 个软件包", f"{count} packages"), table),
            markup.paragraph(
                pick(
                    "缺少的软件包：sandgate.request_package(名称, 版本, 用途)",
                    "A package is missing? sandgate.request_package(name, version, reason)",
                ),
                quiet=True,
            ),
        ]
        return markup.card("plain", self._title(), body)

    def facts(self) -> dict[str, Any]:
        """Return the gateway's description."""
        return self.details

    def _title(self) -> str:
        return pick("会话环境", "Session environment")

    def _head(self) -> list[str]:
        return [pick("软件包", "Package"), pick("版本", "Version")]


class PackageRequest(_Card):
    """A package that was asked for; the authority decides, an administrator builds."""

    kind = "package_request"

    def _title(self) -> str:
        return pick("已申请软件包", "Package requested")

    def _facts(self) -> Facts:
        told = self.details
        return [
            (pick("软件包", "Package"), f"{told.get('package')} {told.get('version')}"),
            (pick("申请编号", "Request"), str(told.get("id") or "")),
            (pick("状态", "State"), _state(told, _PACKAGE_STATES)),
            (pick("意见", "Comment"), str(told.get("comment") or "")),
        ]

    def _note(self) -> str:
        return pick(
            "批准后由管理员构建新的固定环境，下次开启会话时可用。",
            "Once approved, an administrator builds a new pinned environment for later sessions.",
        )


class Review(_Card):
    """A notebook that was handed in for review."""

    kind = "review"

    def _title(self) -> str:
        return pick("笔记本已提交审查", "Notebook submitted for review")

    def _facts(self) -> Facts:
        told = self.details
        return [
            (pick("审查编号", "Review"), str(told.get("id") or "")),
            (pick("状态", "State"), _state(told, _REVIEW_STATES)),
            (pick("代码单元", "Code cells"), str(told.get("cells_count") or "")),
            (pick("笔记本摘要", "Notebook"), str(told.get("notebook_digest") or "")),
            (pick("环境摘要", "Environment"), str(told.get("environment_digest") or "")),
        ]

    def _note(self) -> str:
        return pick(
            "只保留代码单元；由他人审查通过后，可在正式模式运行。",
            "Only code cells are kept; once another person approves it, it may run in production.",
        )


class HandedIn(_Card):
    """A file that the release desk holds; a draft names it by its reference."""

    kind = "release_file"

    @property
    def reference(self) -> str:
        """The number by which a draft names the file."""
        return str(self.details.get("reference") or "")

    def _title(self) -> str:
        return pick("文件已交给审核台", "File handed to the desk")

    def _facts(self) -> Facts:
        return [
            (pick("编号", "Reference"), self.reference),
            (pick("格式", "Format"), str(self.details.get("format") or "")),
            ("SHA-256", str(self.details.get("sha256") or "")),
        ]


def _state(told: dict[str, Any], names: dict[str, tuple[str, str]]) -> str:
    state = str(told.get("state") or "")
    return pick(*names.get(state, (state, state)))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _days(days: int) -> str:
    return pick(f"{days} 天", f"{days} day{'' if days == 1 else 's'}")


def _minutes(minutes: int | None) -> str:
    return "" if minutes is None else pick(f"{minutes} 分钟", f"{minutes} min")


def _rho(nano_rho: Any) -> str:
    return f"ρ {figures.rho_short(int(nano_rho or 0))}"
