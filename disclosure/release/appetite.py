"""The rules of the desk for one licence: the strictest of rule file, grade and licence.

A licence's grade is the highest of any column that it grants, as the catalogue grades it now.
"""

from collections.abc import Iterator

from sqlalchemy import Connection

from authorization.documents import LicenceDocument
from catalog.datasets import Grade
from catalog.store import dataset_by_name
from policies.schema.disclosure import Appetite, DisclosureRules


def rules_for(
    connection: Connection, licence: LicenceDocument, rules: DisclosureRules
) -> DisclosureRules:
    """Return the rules that hold for releases under a licence; never looser than the file."""
    by_grade = {str(grade): terms for grade, terms in rules.grades.items()}
    own = Appetite.model_validate(licence.release.model_dump(exclude={"automatic"}))
    return rules.under([by_grade.get(str(grade_of(connection, licence))), own])


def grade_of(connection: Connection, licence: LicenceDocument) -> Grade:
    """Return the highest grade of any column granted; what is not known has the highest of all."""
    return max(_grades(connection, licence), key=str, default=Grade.L4)


def _grades(connection: Connection, licence: LicenceDocument) -> Iterator[Grade]:
    for grant in licence.grants:
        found = dataset_by_name(connection, grant.dataset)
        named = {*grant.columns, *grant.aggregate_only, *grant.join_only}
        for name in named:
            column = None if found is None else found.declaration.column(name)
            yield Grade.L4 if column is None else column.grade
