"""Whether a data set may be granted by a licence of this zone, at its grade, with its consent.

A licence is of one zone and grants nothing of another; what the zone's kind forbids of a grade in
a mode is refused; data obtained by sharing wait for their source (domain rule 4).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from authorization.documents import AccessMode, Grant
from catalog.datasets import DatasetDeclaration
from catalog.resources.consents import RULE as CONSENT_RULE
from catalog.zones.store import Zone, ZoneState
from foundation.errors import InvalidInput, Message
from policies.schema.zones import ZoneRules

RULE = "policies/zones"


@dataclass(frozen=True)
class Standing:
    """Where things stand: the licence's zone, the data set's, and which sets lack a consent."""

    zone: Zone | None
    dataset_zone: str
    without_consent: frozenset[str]


def standing_problems(
    path: str,
    grant: Grant,
    dataset: DatasetDeclaration | None,
    standing: Standing,
    rules: ZoneRules,
) -> Iterator[InvalidInput]:
    """Give what a grant breaks of zones and consents, each by its field."""
    if dataset is None:
        return
    if grant.dataset in standing.without_consent:
        yield _consent_missing(f"{path}.dataset")
    if standing.zone is None or standing.zone.state is not ZoneState.OPEN:
        yield _problem(
            "zone_not_open",
            "zone",
            "授权所属的数据区不存在或已关闭。",
            "The licence's zone is not there, or not open.",
        )
        return
    if standing.dataset_zone != standing.zone.id:
        yield _problem(
            "dataset_of_another_zone",
            f"{path}.dataset",
            "该数据集不在本授权所属的数据区内。",
            "The data set does not stand in the zone of this licence.",
        )
        return
    yield from _grade_problems(path, grant, dataset, standing.zone, rules)


def _grade_problems(
    path: str, grant: Grant, dataset: DatasetDeclaration, zone: Zone, rules: ZoneRules
) -> Iterator[InvalidInput]:
    controls = rules.of_kind(zone.kind)
    for mode in grant.modes:
        highest = None if controls is None else controls.mode_grade_max(str(mode))
        names = grant.named_in(AccessMode(mode))
        over = [
            name
            for name in names
            if (column := dataset.column(name)) is not None
            and (highest is None or column.grade > highest)
        ]
        if over:
            yield _problem(
                "zone_forbids_mode",
                f"{path}.modes",
                f"该类数据区不允许以此方式（{mode}）使用列“{over[0]}”的级别。",
                f"A zone of this kind does not give data of the grade of {over[0]!r} as {mode}.",
            )


def _consent_missing(field: str) -> InvalidInput:
    return InvalidInput(
        "source_consent_missing",
        Message(
            "该数据集（或其来源）系通过共享获得，尚无数源部门的同意，不得纳入授权运营。",
            "This data set, or one it was made from, was obtained by sharing and its source does "
            "not consent, so it may not be licensed.",
        ),
        field=f"$.{field}",
        rule=CONSENT_RULE,
        way_out=Message(
            "请由数源部门的工作人员附上同意意见。",
            "Have the people of the department that shared it attach their consent.",
        ),
    )


def _problem(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=RULE)
