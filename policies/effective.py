"""The rules in force in one jurisdiction: its own over those it inherits, with one digest of all.

A pack that inherits itself, an unknown pack, a clock no file knows, and a clock loosened without
saying so are refused. The digest covers each file that had a say, so it names the decision's rules
whatever else the rule directory holds (I12).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from foundation.calendar import WorkingDayCalendar
from foundation.canonical import digest
from foundation.errors import InvalidInput, Message, NotFound
from policies.load import PolicyPack
from policies.schema.calendars import CalendarRules
from policies.schema.deadlines import Deadline, DeadlineRules
from policies.schema.jurisdictions import JurisdictionRules, Label


@dataclass(frozen=True)
class Jurisdiction:
    """One jurisdiction's clocks, words and calendar, and where each came from.

    ``origin`` names for each clock the pack that set it; ``documents`` cites for each clock the
    act that this pack follows.
    """

    name: str
    rules: JurisdictionRules
    chain: tuple[str, ...]
    clocks: Mapping[str, Deadline]
    labels: Mapping[str, Label]
    origin: Mapping[str, str]
    documents: Mapping[str, str]
    calendar: WorkingDayCalendar
    digest: str


def jurisdiction_of(pack: PolicyPack, name: str) -> Jurisdiction:
    """Resolve a jurisdiction. Raises NotFound or InvalidInput, naming the file at fault."""
    chain = _chain(pack, name)
    every = pack.every(JurisdictionRules)
    base_name = every[chain[-1]].deadlines
    base = pack.rules(DeadlineRules, base_name)
    clocks = dict(base.clocks)
    origin = dict.fromkeys(clocks, chain[-1])
    documents = {key: item.source for key, item in clocks.items()}
    labels: dict[str, Label] = {}
    for step in reversed(chain):
        rules = every[step]
        clocks |= _changed(step, rules, clocks)
        origin |= dict.fromkeys(rules.clocks, step)
        documents |= {key: item.source for key, item in rules.clocks.items()}
        labels |= rules.labels
    paths = [f"deadlines/{base_name}.toml", f"calendars/{base.calendar}.toml"]
    paths += [f"jurisdictions/{step}.toml" for step in chain]
    return Jurisdiction(
        name=name,
        rules=every[name],
        chain=chain,
        clocks=MappingProxyType(clocks),
        labels=MappingProxyType(labels),
        origin=MappingProxyType(origin),
        documents=MappingProxyType(documents),
        calendar=calendar_of(pack, base.calendar),
        digest=digest({path: pack.file_digests[path] for path in sorted(paths)}),
    )


def every_jurisdiction(pack: PolicyPack) -> dict[str, Jurisdiction]:
    """Resolve all of them, so that a wrong file is refused at start and not at its first use."""
    return {name: jurisdiction_of(pack, name) for name in sorted(pack.every(JurisdictionRules))}


def calendar_of(pack: PolicyPack, name: str) -> WorkingDayCalendar:
    """Return a calendar of the pack, ready to count with."""
    rules = pack.rules(CalendarRules, name)
    return WorkingDayCalendar(
        years=frozenset(rules.years),
        holidays=frozenset(rules.holidays),
        make_up_days=frozenset(rules.make_up_days),
        digest=pack.file_digests[f"calendars/{name}.toml"],
        utc_offset_minutes=rules.utc_offset_minutes,
        unpublished_make_up_days_max=rules.unpublished_make_up_days_max,
    )


def _chain(pack: PolicyPack, name: str) -> tuple[str, ...]:
    every, chain = pack.every(JurisdictionRules), [name]
    while True:
        rules = every.get(chain[-1])
        if rules is None:
            raise NotFound(
                "jurisdiction_unknown",
                Message(
                    f"规则包中没有法域“{chain[-1]}”。现有：{'、'.join(sorted(every))}。",
                    f"The rules know no jurisdiction {chain[-1]!r}; there are: "
                    f"{', '.join(sorted(every))}.",
                ),
                field="jurisdiction",
                rule="policies/jurisdictions",
            )
        if not rules.inherits:
            return tuple(chain)
        if rules.inherits in chain:
            raise _invalid(chain[-1], "inherits", "继承成环", "inherits itself")
        chain.append(rules.inherits)


def _changed(
    step: str, rules: JurisdictionRules, below: Mapping[str, Deadline]
) -> dict[str, Deadline]:
    """Return the clocks a pack sets, each completed by what it inherits."""
    found = {}
    for key, change in rules.clocks.items():
        if key not in DeadlineRules.clock_names():
            raise _invalid(step, f"clocks.{key}", "未知期限", "is no clock that a file knows")
        under = below.get(key)
        inherited = {} if under is None else under.model_dump()
        own = change.model_dump(exclude_none=True)
        if "working_days" not in inherited | own:
            raise _invalid(step, f"clocks.{key}", "未写明工作日数", "says no working days")
        found[key] = Deadline.model_validate(inherited | own)
        looser = under is not None and found[key].working_days > under.working_days
        if looser != (key in rules.looser):
            raise _invalid(
                step,
                f"clocks.{key}",
                "比所继承的期限更宽须在 looser 中列明，反之不得列入",
                "is longer than what it inherits and not named in 'looser', or named there in vain",
            )
    for key in set(rules.looser) - set(found):
        raise _invalid(step, f"looser.{key}", "未设该期限", "names a clock it does not set")
    return found


def _invalid(step: str, place: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(
        "jurisdiction_invalid",
        Message(
            f"法域规则 jurisdictions/{step}.toml 的 {place}：{zh}。",
            f"In jurisdictions/{step}.toml, {place} {en}.",
        ),
        field=f"jurisdictions/{step}.toml:{place}",
        rule="policies/effective.py",
    )


@dataclass(frozen=True)
class Difference:
    """One thing in which two jurisdictions differ; None: the one has no such rule."""

    about: str
    name: str
    first: Mapping[str, object] | None
    second: Mapping[str, object] | None


def differences(first: Jurisdiction, second: Jurisdiction) -> list[Difference]:
    """Compare clocks and words of two jurisdictions, as they are in force in each."""
    found: list[Difference] = []
    tables = (("clock", first.clocks, second.clocks), ("label", first.labels, second.labels))
    for about, one, other in tables:
        for name in sorted(set(one) | set(other)):
            left, right = _plain(one, name), _plain(other, name)
            if left != right:
                found.append(Difference(about, name, left, right))
    if first.calendar.digest != second.calendar.digest:
        left, right = {"digest": first.calendar.digest}, {"digest": second.calendar.digest}
        found.append(Difference("calendar", "calendar", left, right))
    return found


def _plain(
    table: Mapping[str, Deadline] | Mapping[str, Label], name: str
) -> dict[str, object] | None:
    item = table.get(name)
    return None if item is None else item.model_dump()
