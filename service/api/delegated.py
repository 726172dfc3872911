"""Callers who act for the data authority, or by a power lent to their own authority.

A power is decided by policy, data set by data set, from the snapshot of this moment: ending a
delegation, or restricting it, is known to the very next call of any worker.
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Request

from authorization.compile import person_subject
from authorization.delegation_lines import power_question
from authorization.delegations import Power
from authorization.documents import LicenceDocument
from authorization.explanations import REASONS, WAYS_OUT, cause_of
from authorization.licences import licence_by_id
from authorization.organisations import OrganisationKind, actor_for_person, organisation_by_id
from foundation.db import reading
from foundation.errors import Denied, Message
from foundation.identity import Actor, Role
from service.api.callers import check_fresh, known_caller, platform_of
from service.bootstrap import Platform


def officer(request: Request) -> Actor:
    """Return the caller as an officer of whatever authority they act for. Raises Denied."""
    acting = _officer(request)
    check_fresh(request)
    return acting


def _officer(request: Request) -> Actor:
    actor = known_caller(request)
    platform = platform_of(request)
    with reading(platform.engine) as connection:
        known = actor_for_person(connection, actor.person, actor.organisation, actor.language)
        house = organisation_by_id(connection, known.organisation)
    if (
        not known.has(Role.AUTHORITY)
        or house is None
        or house.kind is not OrganisationKind.AUTHORITY
    ):
        raise _role_missing()
    acting = replace(actor, roles=actor.roles | {Role.AUTHORITY})
    request.state.actor = acting
    return acting


def by_power(power: Power) -> Callable[[Request], Actor]:
    """Make the dependency of an endpoint on one licence, for the authority or who holds a power."""

    def dependency(request: Request) -> Actor:
        actor = _officer(request)
        platform = platform_of(request)
        if actor.organisation != platform.authority:
            datasets = _datasets(platform, str(request.path_params["licence_id"]))
            check_power(platform, actor, power, datasets)
        check_fresh(request)
        return actor

    return dependency


def check_power(platform: Platform, actor: Actor, power: Power, datasets: Collection[str]) -> None:
    """Refuse an officer whose authority does not hold the power over each of the data sets."""
    if not datasets:
        raise _not_lent("", "")
    now_us = platform.clock.now_us()
    snapshot = platform.enforcer.snapshot
    for dataset in sorted(datasets):
        question = power_question(
            person_subject(actor.person), actor.organisation, power, dataset, now_us
        )
        if not snapshot.decide(question).allowed:
            cause, _ = cause_of(snapshot, question)
            raise _not_lent(REASONS[cause].zh, REASONS[cause].en, WAYS_OUT.get(cause))


def _datasets(platform: Platform, licence_id: str) -> frozenset[str]:
    with reading(platform.engine) as connection:
        found = licence_by_id(connection, licence_id)
    if found is None:
        return frozenset()
    document = LicenceDocument.model_validate_json(found.document)
    return frozenset(grant.dataset for grant in document.grants)


OfficerCaller = Annotated[Actor, Depends(officer)]
ActivatingCaller = Annotated[Actor, Depends(by_power(Power.LICENCE_ACTIVATE))]
SuspendingCaller = Annotated[Actor, Depends(by_power(Power.LICENCE_SUSPEND))]


def _role_missing() -> Denied:
    return Denied(
        "role_missing",
        Message(
            "此操作须由数据主管部门（authority）的人员办理。",
            "This needs the role authority, held in a data authority.",
        ),
        field="Authorization",
        rule="roles",
    )


def _not_lent(zh: str, en: str, way_out: Message | None = None) -> Denied:
    return Denied(
        "power_not_lent",
        Message(
            f"贵机关未受委托对该授权行使此权限。{zh}",
            f"Your authority does not hold this power over this licence. {en}".rstrip(),
        ),
        field="Authorization",
        rule="delegation",
        way_out=way_out,
    )
