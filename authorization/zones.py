"""Zones in policy: a licence is of one zone, and denials of the zone above it override its grants.

Each licence's domain lies under its zone's domain (g3). What stands there is denied to every
operator of the zone: all data of every other zone, everything once the zone is closed, and what a
source does not consent to. So a grant that should never have been signed still opens nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from authorization.compile import (
    OPERATOR_ROLE,
    CompiledLicence,
    dataset_object,
    domain_of,
    licence_object,
)
from authorization.index import DomainPolicy, Members, Pair
from authorization.lines import Action, PolicyLine, deny_line
from authorization.membership import Membership
from catalog.resources.consents import without_consent
from catalog.store import dataset_table
from catalog.zones.store import ZoneState, zones

CONSENT = "consent:"
ZONE = "zone:"


@dataclass(frozen=True)
class ZonePolicy:
    """The zones' domains, their g3 links, and what made each line."""

    domains: Mapping[str, DomainPolicy] = field(default_factory=dict)
    links: frozenset[Pair] = frozenset()
    origins: Mapping[PolicyLine, str] = field(default_factory=dict)


def zone_domain(zone: str) -> str:
    """Return the Casbin domain of a zone."""
    return f"{ZONE}{zone}"


def is_zone_domain(domain: str) -> bool:
    """Tell whether a line of this domain was made by a zone."""
    return domain.startswith(ZONE)


def zone_object(zone: str) -> str:
    """Return the object above all data sets of a zone; only denials stand on it."""
    return f"zonedata:{zone}"


def zone_policy(
    connection: Connection, licences: Collection[CompiledLicence], membership: Membership
) -> ZonePolicy:
    """Compile what the zones deny. With one open zone and no consent missing, that is nothing."""
    barred = without_consent(connection)
    states = {found.id: found.state for found in zones(connection)}
    shut = {zone for zone, state in states.items() if state is not ZoneState.OPEN}
    known = all(licence.document.zone in states for licence in licences)
    if not barred and not shut and known and len(states) == 1:
        return ZonePolicy()
    placed = _zones_of_datasets(connection)
    by_zone: defaultdict[str, list[CompiledLicence]] = defaultdict(list)
    for licence in licences:
        by_zone[licence.document.zone].append(licence)
    names = sorted({*states, *by_zone, *placed.values()})
    origins: dict[PolicyLine, str] = {}
    domains: dict[str, DomainPolicy] = {}
    for zone in names:
        lines = dict(_lines(zone, names, shut, states, barred))
        origins |= lines
        domains[zone_domain(zone)] = DomainPolicy.of(
            zone_domain(zone),
            lines,
            _members(by_zone[zone], membership),
            frozenset(_objects(zone, placed, by_zone[zone])),
        )
    links = {
        (domain_of(licence.id), zone_domain(zone))
        for zone, found in by_zone.items()
        for licence in found
    }
    return ZonePolicy(domains, frozenset(links), origins)


def _lines(
    zone: str,
    names: Iterable[str],
    shut: set[str],
    states: Mapping[str, ZoneState],
    barred: frozenset[str],
) -> Iterator[tuple[PolicyLine, str]]:
    """Give the denials that stand at one zone, with what made each."""
    foreign = [name for name in names if name != zone]
    closed = [zone] if zone in shut or zone not in states else []
    for name in (*foreign, *closed):
        for action in Action:
            yield _denial(zone, zone_object(name), action), f"{ZONE}{name}"
    for dataset in sorted(barred):
        for action in Action:
            yield _denial(zone, dataset_object(dataset), action), f"{CONSENT}{dataset}"


def _denial(zone: str, obj: str, action: Action) -> PolicyLine:
    return deny_line(OPERATOR_ROLE, zone_domain(zone), obj, action)


def _objects(
    zone: str, placed: Mapping[str, str], licences: Iterable[CompiledLicence]
) -> Iterator[Pair]:
    """Put the zone's data sets and licences beneath it (g2)."""
    for dataset, held in placed.items():
        if held == zone:
            yield dataset_object(dataset), zone_object(zone)
    for licence in licences:
        yield licence_object(licence.id), zone_object(zone)


def _members(licences: Iterable[CompiledLicence], membership: Membership) -> Members:
    operators = {licence.document.operator for licence in licences}
    return Members.of(
        {
            (who, role)
            for operator in operators
            for who, roles in membership.members_of_operator(operator).closure.items()
            for role in roles
        }
    )


def _zones_of_datasets(connection: Connection) -> dict[str, str]:
    rows = connection.execute(select(dataset_table.c.name, dataset_table.c.zone))
    return {row.name: row.zone for row in rows}
