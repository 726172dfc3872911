"""The database itself keeps an entry on its road, whoever writes past the catalogue's own code."""

from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from audit.writer import GroupCommitWriter
from catalog.book import drafting, review, signing
from catalog.book.systems import SystemDocument, register_system
from foundation.identity import Role
from tests.catalogue import ASSESSMENT, bare_book, person

ORGANISATION = "org_finance"
DRAFTER = person("drafter", ORGANISATION, Role.PROVIDER)
HEAD = person("head", ORGANISATION, Role.DEPARTMENT_HEAD)
ASSESSOR = person("assessor", "org_authority", Role.AUTHORITY)


@pytest.fixture
def submitted(
    catalog_writer: GroupCommitWriter, engine: Engine, entry_document: dict[str, Any]
) -> Engine:
    """Give a store with one entry under review."""
    book = bare_book(catalog_writer, "org_authority")
    label = {"zh": "台账", "en": "ledger"}
    system = SystemDocument.model_validate({"name": "ledger", "label": label, "purpose": label})
    register_system(catalog_writer, DRAFTER, ORGANISATION, system)
    draft = drafting.draft_entry(book, DRAFTER, ORGANISATION, entry_document).value
    for paper in signing.Paper:
        draft = signing.assess(book, ASSESSOR, draft.entry_id, paper, ASSESSMENT).value
    signing.sign_off(book, HEAD, draft.entry_id, draft.papers)
    review.submit_entry(book, DRAFTER, draft.entry_id)
    return engine


@pytest.mark.parametrize(
    "statement",
    [
        # published without a reviewer, by the drafter, by the head, by the department's own house
        "UPDATE catalog_entry_revision SET state = 'published', version = 1",
        (
            "UPDATE catalog_entry_revision SET state = 'published', version = 1, "
            "decided_by = 'drafter', decided_organisation = 'org_authority'"
        ),
        (
            "UPDATE catalog_entry_revision SET state = 'published', version = 1, "
            "decided_by = 'head', decided_organisation = 'org_authority'"
        ),
        (
            "UPDATE catalog_entry_revision SET state = 'published', version = 1, "
            "decided_by = 'reviewer', decided_organisation = 'org_finance'"
        ),
        # a head that names a version which nobody published
        "UPDATE catalog_entry SET state = 'published', version = 1",
        # another text than the one that was signed
        "UPDATE catalog_entry_revision SET document = '{}'",
        "UPDATE catalog_entry_revision SET papers = 'sha256:0'",
        "UPDATE catalog_entry_revision SET signed_by = 'other'",
        "UPDATE catalog_entry_revision SET secrecy = NULL",
        # an assessment of nobody, of the head who signed, or of another person than made it
        "UPDATE catalog_entry_revision SET secrecy_by = NULL",
        "UPDATE catalog_entry_revision SET secrecy_by = 'head'",
        "UPDATE catalog_entry_revision SET personal_by = 'head'",
        "UPDATE catalog_entry_revision SET personal_by = 'other'",
        (
            "UPDATE catalog_entry_revision SET state = 'published', version = 1, "
            "decided_by = 'assessor', decided_organisation = 'org_authority'"
        ),
        "UPDATE catalog_entry SET changed_index = 0",
        "DELETE FROM catalog_entry_revision",
        "DELETE FROM catalog_entry_move",
        "UPDATE catalog_system SET provider = 'org_other'",
    ],
)
def test_the_database_itself_refuses_to_leave_the_road(submitted: Engine, statement: str) -> None:
    with pytest.raises(DBAPIError), submitted.begin() as connection:
        connection.execute(text(statement))
