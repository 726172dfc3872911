"""Coverage (归集覆盖) and openness: which share of entries holds a resource, against which target.

A target is measured only where a rule file sets one; one of another jurisdiction is shown as
guidance and marked as not in force here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection

from authorization.organisations import organisations
from catalog.zones.store import zones
from policies.effective import jurisdiction_of
from policies.load import PolicyPack
from policies.schema.catalog import CatalogRules
from policies.schema.figures import FigureRules
from service.figures.holdings import Covered, Group, by, holdings, share_ppm, total

OPEN = frozenset({"unconditional", "conditional"})


def national_rules(pack: PolicyPack) -> FigureRules:
    """Return the rules that name the indicators."""
    return pack.rules(FigureRules, "national")


def coverage(
    connection: Connection, pack: PolicyPack, jurisdiction: str, house: str | None = None
) -> dict[str, Any]:
    """Return the shares of all departments, or those of one ``house``, with their targets."""
    rules = national_rules(pack)
    groups = [group for group in holdings(connection) if house is None or group.provider == house]
    social = _social(connection, rules)
    shares = indicator_shares(groups, social)
    return {
        "total": total(groups).as_json(),
        "indicators": [
            {
                "key": item.key,
                "name": {"zh": item.name_zh, "en": item.name_en},
                "formula": {"zh": item.formula_zh, "en": item.formula_en},
                "source": item.source,
                **shares[item.key],
                "targets": _targets(pack, jurisdiction, item.key, shares[item.key]["share_ppm"]),
            }
            for item in rules.indicators
            if item.key in shares
        ],
        "by_department": _shown(by(groups, lambda group: [group.provider]), "organisation"),
        "by_attribute": {
            "share": _shown(by(groups, lambda group: [group.share]), "value"),
            "open": _shown(by(groups, lambda group: [group.opened]), "value"),
            "return": _shown(by(groups, lambda group: [group.returned]), "value"),
        },
        "by_library": _by_library(groups, pack),
    }


def indicator_shares(
    groups: Iterable[Group], social: frozenset[str]
) -> Mapping[str, dict[str, int | None]]:
    """Return part, whole and share of each indicator; ``social`` names zones and providers."""
    groups = list(groups)
    every = total(groups)
    of_society = total(group for group in groups if _is_social(group, social))
    of_government = total(group for group in groups if not _is_social(group, social))
    opened = total(group for group in groups if group.opened in OPEN).entries
    return {
        "resource_attached": _share(every.attached, every.entries),
        "government_gathered": _share(of_government.gathered, of_government.entries),
        "social_gathered": _share(of_society.gathered, of_society.entries),
        "opened": _share(opened, every.entries),
    }


def _share(part: int, whole: int) -> dict[str, int | None]:
    return {"part": part, "whole": whole, "share_ppm": share_ppm(part, whole)}


def _social(connection: Connection, rules: FigureRules) -> frozenset[str]:
    """Name zones (``zone:…``) and organisations (``organisation:…``) whose data are society's."""
    kept = {f"zone:{zone.id}" for zone in zones(connection) if zone.kind in rules.social_zone_kinds}
    houses = {
        f"organisation:{house.id}"
        for house in organisations(connection).values()
        if house.kind in rules.social_organisation_kinds
    }
    return frozenset(kept | houses)


def _is_social(group: Group, social: frozenset[str]) -> bool:
    return f"zone:{group.zone}" in social or f"organisation:{group.provider}" in social


def _targets(
    pack: PolicyPack, jurisdiction: str, key: str, share: int | None
) -> list[dict[str, Any]]:
    """Return every target of an indicator: in force where this jurisdiction's chain sets it."""
    chain = jurisdiction_of(pack, jurisdiction).chain
    return [
        {
            "set_by": name,
            "share_ppm": target.share_ppm,
            "source": target.source,
            "in_force": name in chain,
            "met": None if share is None else share >= target.share_ppm,
        }
        for name, rules in sorted(pack.every(FigureRules).items())
        for target in rules.targets
        if target.key == key
    ]


def _by_library(groups: Iterable[Group], pack: PolicyPack) -> list[dict[str, Any]]:
    rules = pack.rules(CatalogRules)
    counted = by(groups, lambda group: group.tags)
    return [
        {
            "library": item.code,
            "name": {"zh": item.zh, "en": item.en},
            **counted.get(item.code, Covered()).as_json(),
        }
        for item in rules.base_libraries
    ]


def _shown(counted: Mapping[Any, Covered], name: str) -> list[dict[str, Any]]:
    lines = sorted(counted.items(), key=lambda item: (-item[1].entries, str(item[0])))
    return [{name: key, **covered.as_json()} for key, covered in lines]
