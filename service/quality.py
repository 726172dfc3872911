"""Joins the desks of quality and corrections with what is known of people and releases."""

from sqlalchemy import Connection

from authorization.independence import check_apart
from authorization.persons import actor_for_person, person_by_id
from catalog.quality.corrections import CorrectionDesk
from catalog.quality.keepers import required_dataset
from catalog.quality.measurer import ConfinedMeasurer
from catalog.quality.measuring import QualityDesk, ruleset
from disclosure.release.dependents import outputs_resting_on
from foundation.db import reading
from foundation.errors import SandgateError
from foundation.identity import Actor, ActorKind, Role
from policies.schema.quality import QualityRules
from policies.schema.standards import StandardRules
from service.bootstrap import Platform
from service.workers import service_environment


def quality_desk(platform: Platform) -> QualityDesk:
    """Return what measures data sets and keeps what was found sealed."""
    settings, rules = platform.settings, platform.pack.rules(QualityRules)
    measurer = ConfinedMeasurer(
        environment=service_environment(),
        memory_bytes_max=settings.worker_memory_bytes_max,
        rules=rules,
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
    return QualityDesk(
        engine=platform.engine,
        writer=platform.writer,
        keys=platform.keys,
        measurer=measurer,
        home=settings.home,
        clock=platform.clock,
        rules=rules,
        standards=platform.pack.rules(StandardRules),
    )


def measured_on_load(platform: Platform, actor: Actor, dataset: str) -> dict[str, object] | None:
    """Measure a version just published; None where its source declared no quality rule.

    The version stands whatever comes of it: a measurement that fails is named, and taken again on
    command.
    """
    with reading(platform.engine) as connection:
        _, rules = ruleset(connection, required_dataset(connection, dataset).id)
    if not rules:
        return None
    try:
        return {"measurement": quality_desk(platform).measure(actor, dataset).id}
    except SandgateError as refusal:
        message = {"zh": refusal.message.zh, "en": refusal.message.en}
        return {"measurement": None, "code": refusal.code, "message": message}


def correction_desk(platform: Platform) -> CorrectionDesk:
    """Return what takes corrections and objections to their answer."""
    return CorrectionDesk(
        writer=platform.writer,
        clocks=platform.clocks,
        authority=platform.authority,
        name_of=verified_name,
        dependents=outputs_resting_on,
        apart=check_apart,
    )


def verified_name(connection: Connection, person: str) -> str | None:
    """Return the name of a natural person whose identity document two people looked at."""
    found = person_by_id(connection, person)
    known = found is not None and found.kind is ActorKind.PERSON and found.identity is not None
    return found.name if found is not None and known else None


def serves_as_steward(connection: Connection, person: str, organisation: str) -> bool:
    """Tell whether a person is a steward of an organisation, as the registry knows now."""
    try:
        return actor_for_person(connection, person, organisation).has(Role.STEWARD)
    except SandgateError:
        return False
