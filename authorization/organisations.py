"""Who exists: organisations with their affiliates, and persons with roles and accounts.

The one door to the registry: what each part decides stands in ``organisation_registry``,
``groups`` and ``persons``.
"""

from authorization.groups import group_of, served_by
from authorization.organisation_registry import (
    CODE_PATTERN,
    CREDIT_CODE_RULE,
    DEPARTMENTS,
    Organisation,
    OrganisationKind,
    check_credit_code,
    create_organisation,
    organisation_by_id,
    organisations,
    require_organisation,
)
from authorization.persons import (
    Account,
    Person,
    actor_for_account,
    actor_for_person,
    create_person,
    organisations_of,
    person_by_id,
    persons,
)

__all__ = [
    "CODE_PATTERN",
    "CREDIT_CODE_RULE",
    "DEPARTMENTS",
    "Account",
    "Organisation",
    "OrganisationKind",
    "Person",
    "actor_for_account",
    "actor_for_person",
    "check_credit_code",
    "create_organisation",
    "create_person",
    "group_of",
    "organisation_by_id",
    "organisations",
    "organisations_of",
    "person_by_id",
    "persons",
    "require_organisation",
    "served_by",
]
