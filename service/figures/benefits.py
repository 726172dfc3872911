"""Three benefits (三大效益: economic, social, environmental), from what is recorded alone.

Nothing is estimated: what is not recorded is named, and no figure stands in its place.
"""

from typing import Any

from sqlalchemy import Connection, func, or_, select

from authorization.sharing.figures import calls_by_department
from catalog.book.store import catalog_entry
from catalog.store import dataset_table
from disclosure.release.store import release_copy, release_request
from foundation.errors import Message
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.figures import FigureRules
from revenue.usage_store import contribution, usage
from service.figures.headline import uses
from service.figures.holdings import PUBLISHED, Group, holdings, total
from service.figures.spans import Span

NOT_RECORDED: dict[str, tuple[Message, ...]] = {
    "economic": (
        Message("数据企业营业收入、税收、就业", "turnover, taxes and jobs of data enterprises"),
        Message("财政节支", "public money saved"),
    ),
    "social": (
        Message("群众少跑次数、办事时间节约", "errands and hours that people were spared"),
        Message("满意度", "satisfaction"),
    ),
    "environmental": (
        Message("节能减排量、环境质量变化", "energy, emissions, or any change of the environment"),
    ),
}


def benefits(connection: Connection, rules: FigureRules, span: Span) -> dict[str, Any]:
    """Return the recorded figures of each benefit within the span, and what is not recorded."""
    groups = holdings(connection)
    metered = uses(connection, span)
    days = span.months[0].first.isoformat(), span.months[-1].last.isoformat()
    shared = sum(line["calls"] for line in calls_by_department(connection, *days))
    released = _between(connection, release_request.c.delivered_us, span)
    return {
        **span.as_json(),
        "economic": {
            "billed_fen": _billed_fen(connection, span),
            "charged_uses": metered["charged"],
            "releases_delivered": released,
            "copies_handed_over": _between(connection, release_copy.c.made_us, span),
            "not_recorded": _said("economic"),
        },
        "social": {
            "free_uses": metered["free"],
            "public_interest_uses": metered["public_interest"],
            "shared_calls": shared,
            "open_entries": total(one for one in groups if one.opened == "unconditional").entries,
            **_themed(connection, groups, rules.social_themes, span),
            "not_recorded": _said("social"),
        },
        "environmental": {
            **_themed(connection, groups, rules.environmental_themes, span),
            "not_recorded": _said("environmental"),
        },
    }


def _themed(
    connection: Connection, groups: list[Group], themes: tuple[str, ...], span: Span
) -> dict[str, int]:
    """Count entries of some themes, and the billed or free outcomes that rest on their data."""
    table = catalog_entry.c
    named = or_(*(table.tags.contains(f"|{theme}|", autoescape=True) for theme in themes))
    names = (
        select(dataset_table.c.name)
        .join(catalog_entry, table.id == dataset_table.c.entry_id)
        .where(table.state.in_(PUBLISHED), named)
    )
    at = (usage.c.audit_index == contribution.c.audit_index) & (
        usage.c.source_index == contribution.c.source_index
    )
    query = (
        select(func.count(contribution.c.source_index.distinct()))
        .select_from(contribution.join(usage, at))
        .where(
            contribution.c.dataset.in_(names),
            usage.c.time_us >= span.from_us,
            usage.c.time_us < span.until_us,
        )
    )
    covered = total(one for one in groups if one.tags & set(themes))
    return {
        "theme_entries": covered.entries,
        "theme_entries_with_data": covered.gathered,
        "theme_uses": int(connection.execute(query).scalar_one()),
    }


def _billed_fen(connection: Connection, span: Span) -> int:
    """Return what was metered within the span, in whole fen, rounded down."""
    query = select(func.coalesce(func.sum(usage.c.gross_micro_fen), 0)).where(
        usage.c.time_us >= span.from_us, usage.c.time_us < span.until_us
    )
    return int(connection.execute(query).scalar_one()) // MICRO_FEN_PER_FEN


def _between(connection: Connection, column: Any, span: Span) -> int:
    query = select(func.count()).where(column >= span.from_us, column < span.until_us)
    return int(connection.execute(query).scalar_one())


def _said(benefit: str) -> list[dict[str, str]]:
    return [{"zh": one.zh, "en": one.en} for one in NOT_RECORDED[benefit]]
