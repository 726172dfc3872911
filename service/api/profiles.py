"""What a version of a data set is like: measured on command, read by its keepers and the authority.

For everybody else exact figures do not exist; they see the scores that its owner released.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from catalog.quality.judging import (
    BandName,
    decide_suggestion,
    decisions,
    release_score,
    released_scores,
)
from catalog.quality.keepers import kept_dataset
from catalog.quality.measuring import Measured, ruleset
from foundation.db import reading
from service.api.bodies import INTEGER_MAX
from service.api.callers import AnyCaller, DataKeeperCaller, DataReaderCaller, OnPlatform
from service.bootstrap import Platform
from service.idempotency import IdempotentRoute
from service.quality import quality_desk

router = APIRouter(prefix="/catalog/datasets", route_class=IdempotentRoute, tags=["quality"])


class SuggestionDecision(BaseModel):
    """A keeper's word on one suggestion."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["accepted", "declined"]
    reason: str = Field(min_length=1, max_length=2_000)


class ReleasedBand(BaseModel):
    """The band in which an owner releases a score."""

    model_config = ConfigDict(extra="forbid")

    band: BandName


@router.post("/{name}/quality-rules", status_code=201)
def post_quality_rules(
    name: str,
    body: Annotated[dict[str, Any], Body()],
    actor: DataKeeperCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Declare the quality rules of a data set; they replace those before."""
    recorded = quality_desk(platform).declare(actor, name, body)
    return {"dataset": name, "rules": len(recorded.value.rules), "entry": recorded.index}


@router.get("/{name}/quality-rules")
def get_quality_rules(
    name: str, actor: DataReaderCaller, platform: OnPlatform
) -> dict[str, object]:
    """Read the newest quality rules: for the data set's keepers and the authority."""
    with reading(platform.engine) as connection:
        dataset = kept_dataset(connection, actor, name)
        number, rules = ruleset(connection, dataset.id)
    return {
        "dataset": name,
        "number": number,
        "rules": [rule.model_dump(mode="json") for rule in rules],
    }


@router.post("/{name}/measurements", status_code=201)
def post_measurement(name: str, actor: DataReaderCaller, platform: OnPlatform) -> dict[str, object]:
    """Measure the newest version: profile, risks, suggestions and scores, kept sealed."""
    return _shown(platform, quality_desk(platform).measure(actor, name))


@router.get("/{name}/profile")
def get_profile(
    name: str,
    actor: DataReaderCaller,
    platform: OnPlatform,
    measurement: Annotated[str, Query(max_length=64)] = "",
) -> dict[str, object]:
    """Open the newest measurement, or a named one; the reading is logged."""
    return _shown(platform, quality_desk(platform).read(actor, name, measurement))


@router.post("/{name}/measurements/{measurement}/suggestions/{place}", status_code=201)
def post_suggestion(
    name: str,
    measurement: str,
    place: Annotated[int, Path(ge=0, le=INTEGER_MAX)],
    body: SuggestionDecision,
    actor: DataKeeperCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Accept or decline one suggestion; no declaration changes by it."""
    desk = quality_desk(platform)
    return decide_suggestion(desk, actor, name, measurement, place, body.outcome, body.reason)


@router.post("/{name}/measurements/{measurement}/score", status_code=201)
def post_score(
    name: str,
    measurement: str,
    body: ReleasedBand,
    actor: DataKeeperCaller,
    platform: OnPlatform,
) -> dict[str, object]:
    """Release the score of a measured version, in a band no better than measured."""
    recorded = release_score(quality_desk(platform), actor, name, measurement, body.band)
    return {**recorded.value.model_dump(mode="json"), "entry": recorded.index}


@router.get("/{name}/scores")
def get_scores(name: str, _actor: AnyCaller, platform: OnPlatform) -> dict[str, object]:
    """List the scores that the owner released, newest first."""
    with reading(platform.engine) as connection:
        found = released_scores(connection, name)
    return {"scores": [item.model_dump(mode="json") for item in found]}


def _shown(platform: Platform, measured: Measured) -> dict[str, object]:
    with reading(platform.engine) as connection:
        decided = decisions(connection, measured.id)
    shown = measured.model_dump(mode="json")
    shown["suggestions"] = [
        {**item, "place": place, "decision": decided.get(place)}
        for place, item in enumerate(shown["suggestions"])
    ]
    return shown
