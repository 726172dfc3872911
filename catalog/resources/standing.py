"""Everything that a data set must keep before it is registered: origin, zone, grades, elements."""

from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection

from catalog.datasets import DatasetDeclaration
from catalog.resources.grading import check_derived_grades
from catalog.standards.dictionary import check_bindings
from catalog.zones.zones import check_stands_in
from policies.load import PolicyPack, load_policies
from policies.schema.standards import StandardRules
from policies.schema.zones import ZoneRules


@dataclass(frozen=True)
class StandingRules:
    """The rules that a data set's standing is judged by."""

    zones: ZoneRules
    standards: StandardRules

    @classmethod
    def of(cls, pack: PolicyPack) -> "StandingRules":
        """Take them from a pack."""
        return cls(pack.rules(ZoneRules), pack.rules(StandardRules))


@cache
def packaged_rules() -> StandingRules:
    """Return the packaged rules: what holds where a caller brings none of its own."""
    return StandingRules.of(load_policies())


def check_standing(
    connection: Connection, declaration: DatasetDeclaration, zone: str, rules: StandingRules
) -> None:
    """Refuse a data set that its zone, its sources' grades or its data elements forbid."""
    check_stands_in(connection, zone, declaration, rules.zones)
    check_derived_grades(connection, declaration)
    check_bindings(connection, declaration, rules.standards)
