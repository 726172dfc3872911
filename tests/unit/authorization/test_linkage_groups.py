"""Linkage groups stand in the operating agreement, and come back as they were signed."""

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.agreements import Agreement, agreement_by_number, create_agreement
from foundation.db import reading
from tests.licensing import RULES, actor, agreement


def test_an_agreement_keeps_the_groups_it_names(city: GroupCommitWriter, engine: Engine) -> None:
    groups = ("taxpayers", "borrowers")
    signed = agreement().model_copy(update={"number": "协议2号", "linkage_groups": groups})
    create_agreement(city, actor("drafter"), signed, RULES.licences)
    with reading(engine) as connection:
        found = agreement_by_number(connection, "协议2号")
        other = agreement_by_number(connection, agreement().number)
    assert found is not None
    assert other is not None
    assert found.linkage_groups == groups
    assert other.linkage_groups == ()


@pytest.mark.parametrize("name", ["", "Tax Payers", "a" * 70, "税"])
def test_a_group_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        Agreement.model_validate({**agreement().model_dump(), "linkage_groups": [name]})
