"""Which organisations are one house: by parent, legal representative or group, while it counts."""

from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.affiliates import Relation, RelationDeclared, declare_relation, relations
from authorization.organisations import group_of
from authorization.suspensions import end_expired_roles
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.db import reading
from foundation.errors import Denied, InvalidInput
from tests.fakes import SteppedClock
from tests.licensing import PACK
from tests.registries import RULES, Registry, registered

CODE = "91350200MA2XN1234W"


@pytest.fixture
def registry(city: GroupCommitWriter, engine: Engine, clock: SteppedClock) -> Registry:
    return registered(city, engine, clock)


def declare(registry: Registry, organisation: str, by: str = "drafter", **fields: Any) -> Relation:
    plain = {"organisation": organisation, "kind": "actual_control", "evidence": "register"}
    declared = RelationDeclared.model_validate({**plain, **fields})
    actor = registry.actor(by)
    return declare_relation(registry.writer, actor, declared, RULES, PACK.digest).value


def group(registry: Registry, organisation: str = "other-operator") -> set[str]:
    with reading(registry.engine) as connection:
        return set(group_of(connection, organisation))


def test_a_share_controls_from_half(registry: Registry) -> None:
    share = {"kind": "share", "controller_organisation": "insurer"}
    declare(registry, "other-operator", **share, share_ppm=499_999)
    assert group(registry) == {"other-operator"}
    declare(registry, "other-operator", **share, share_ppm=500_000)
    assert group(registry) == group(registry, "insurer") == {"other-operator", "insurer"}


@pytest.mark.parametrize(
    "controller",
    [
        {"kind": "legal_representative", "controller_identity": "ab" * 32},
        {"kind": "group", "controller_credit_code": "11999999MB2F00016L"},
        {"kind": "actual_control", "controller_credit_code": "11999999MB2F00016L"},
        {"kind": "share", "share_ppm": 600_000, "controller_credit_code": "11999999MB2F00016L"},
    ],
)
def test_sisters_by_a_common_controller_are_one_house(
    registry: Registry, controller: dict[str, Any]
) -> None:
    for name in ("other-operator", "insurer"):
        declare(registry, name, **controller)
    declare(registry, "datawise", controller_organisation="insurer")
    house = {"other-operator", "insurer", "datawise", "datawise-labs"}
    assert group(registry) == group(registry, "datawise-labs") == house


def test_a_sold_company_counts_on_until_it_has_cooled(registry: Registry) -> None:
    relation = declare(registry, "other-operator", controller_organisation="insurer")
    registry.both("drafter", "sec", "relation_end", relation=relation.id)
    assert group(registry) == {"other-operator", "insurer"}
    registry.clock.advance(RULES.cooling_days * MICROSECONDS_PER_DAY)
    end_expired_roles(registry.writer)  # any entry: the log's clock moves on
    assert group(registry) == {"other-operator"}
    with pytest.raises(InvalidInput, match="relation_unknown"):
        registry.propose("drafter", "relation_end", relation=relation.id)


def test_a_house_speaks_for_itself_and_the_authority_for_all(registry: Registry) -> None:
    declare(registry, "datawise", by="analyst", controller_organisation="insurer")
    for name in ("rival", "sec", "inspector"):
        with pytest.raises(Denied):
            declare(registry, "datawise", by=name, controller_organisation="insurer")
    with pytest.raises(Denied, match="not_entitled"):
        registry.propose("sys", "relation_end", relation=_only(registry).id)


def test_a_relation_names_one_other_controller(registry: Registry) -> None:
    for fields in (
        {"controller_organisation": "ghost"},
        {"controller_organisation": "datawise"},
        {"controller_credit_code": CODE},
        {"controller_identity": "not a digest"},
        {},
    ):
        with pytest.raises(InvalidInput):
            declare(registry, "datawise", **fields)
    clashing: tuple[dict[str, Any], ...] = (
        {"controller_organisation": "insurer", "controller_credit_code": CODE},
        {"controller_organisation": "insurer", "share_ppm": 1},
        {"controller_organisation": "insurer", "kind": "share"},
    )
    for given in clashing:
        with pytest.raises(ValidationError):
            declare(registry, "datawise", **given)


def _only(registry: Registry) -> Relation:
    with reading(registry.engine) as connection:
        (found,) = relations(connection, "insurer")
    assert found.as_json()["controller"] == "insurer"
    return found
