"""What keepers decide on a measurement: its suggestions, and the score that others may see.

A suggestion changes no declaration: who accepts it is told what the next declaration should say.
A released score is the owner's own word, in bands, and never better than what was measured.
"""

from typing import Literal

from sqlalchemy import Connection, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from catalog.datasets import Frozen
from catalog.quality.keepers import require_keeper, required_dataset
from catalog.quality.measuring import Measured, QualityDesk, accepted_change, measurement_row
from catalog.quality.store import quality_score_release, quality_suggestion_decision
from catalog.store import version_table
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.two_people import check_natural_person
from policies.schema.quality import QualityRules, ScoreBand

Outcome = Literal["accepted", "declined"]
BandName = Literal["excellent", "good", "fair", "poor"]


class ReleasedScore(Frozen):
    """The score of one version as its owner released it."""

    dataset: str
    version: str
    version_number: int
    band: BandName
    released_us: int


def decide_suggestion(
    desk: QualityDesk,
    actor: Actor,
    dataset_name: str,
    measurement: str,
    place: int,
    outcome: Outcome,
    reason: str,
) -> dict[str, object]:
    """Accept or decline one suggestion of a measurement, with a reason; once.

    Which column and which kind it was about stands sealed beside the log, not in it: that a
    detector fired is a figure of the data.
    """
    _need_reason(reason)
    measured = desk.read(actor, dataset_name, measurement)
    if not 0 <= place < len(measured.suggestions):
        raise NotFound(
            "suggestion_unknown",
            Message("没有这条建议。", "There is no such suggestion."),
            field="suggestion",
        )
    chosen = measured.suggestions[place]
    about = f"{chosen.column} {chosen.detector} {outcome}"
    event = AuditEvent(
        EntryKind.SUGGESTION_DECIDED,
        actor,
        {"dataset": dataset_name, "measurement": measured.id},
        {"reason": reason, "note": about},
    )

    def apply(connection: Connection, entry: PendingEntry) -> dict[str, object]:
        dataset = required_dataset(connection, dataset_name)
        require_keeper(connection, actor, dataset)
        check_natural_person(actor)
        table = quality_suggestion_decision.c
        known = select(table.place).where(table.measurement == measured.id, table.place == place)
        if connection.execute(known).first() is not None:
            raise Conflict(
                "suggestion_decided",
                Message("该建议已经处理。", "This suggestion was decided before."),
                field="suggestion",
            )
        connection.execute(
            insert(quality_suggestion_decision).values(
                measurement=measured.id,
                place=place,
                outcome=outcome,
                reason=reason,
                person=actor.person,
                decided_us=entry.time_us,
            )
        )
        change = accepted_change(dataset.declaration, chosen) if outcome == "accepted" else None
        return {"suggestion": place, "outcome": outcome, "change": change}

    return desk.writer.submit(event, apply).value


def decisions(connection: Connection, measurement: str) -> dict[int, str]:
    """Return the outcome of each decided suggestion of a measurement, by its place."""
    table = quality_suggestion_decision.c
    query = select(table.place, table.outcome).where(table.measurement == measurement)
    return {row.place: row.outcome for row in connection.execute(query)}


def release_score(
    desk: QualityDesk, actor: Actor, dataset_name: str, measurement: str, band: BandName
) -> Recorded[ReleasedScore]:
    """Release the score of a measured version, in a band the owner names, to all who ask.

    The band may be worse than measured, never better. What it discloses is the owner's to answer
    for: until somebody releases it, no one else learns anything of the quality.
    """
    measured = desk.read(actor, dataset_name, measurement)
    _check_band(measured, band, desk.rules)
    public = {"dataset": dataset_name, "measurement": measured.id, "band": band}
    event = AuditEvent(EntryKind.SCORE_RELEASED, actor, public)

    def apply(connection: Connection, entry: PendingEntry) -> ReleasedScore:
        dataset = required_dataset(connection, dataset_name)
        require_keeper(connection, actor, dataset)
        check_natural_person(actor)
        row = measurement_row(connection, dataset.id, measured.id)
        table = quality_score_release.c
        known = select(table.band).where(table.measurement == row.id)
        if connection.execute(known).first() is not None:
            raise Conflict(
                "score_released",
                Message("该测量的评分已经公布。", "This measurement's score was released before."),
                field="measurement",
            )
        connection.execute(
            insert(quality_score_release).values(
                measurement=row.id,
                dataset_id=dataset.id,
                version_id=row.version_id,
                band=band,
                released_by=actor.person,
                released_us=entry.time_us,
            )
        )
        return ReleasedScore(
            dataset=dataset_name,
            version=row.version_id,
            version_number=measured.version_number,
            band=band,
            released_us=entry.time_us,
        )

    return desk.writer.submit(event, apply)


def released_scores(connection: Connection, dataset_name: str) -> list[ReleasedScore]:
    """List the released scores of a data set's versions, newest first: for anyone."""
    dataset = required_dataset(connection, dataset_name)
    table = quality_score_release
    query = (
        select(table, version_table.c.number)
        .join_from(table, version_table, table.c.version_id == version_table.c.id)
        .where(table.c.dataset_id == dataset.id)
        .order_by(table.c.released_us.desc())
    )
    return [
        ReleasedScore(
            dataset=dataset_name,
            version=row.version_id,
            version_number=row.number,
            band=row.band,
            released_us=row.released_us,
        )
        for row in connection.execute(query)
    ]


def band_of(score: int, rules: QualityRules) -> ScoreBand:
    """Return the best band that a score (per mille) reaches."""
    reached = [band for band in rules.score_bands if score >= band.from_score]
    return max(reached or rules.score_bands[-1:], key=lambda band: band.from_score)


def _check_band(measured: Measured, band: BandName, rules: QualityRules) -> None:
    if measured.score is None:
        raise Conflict(
            "no_quality_rules",
            Message(
                "该数据集尚未声明质量规则，没有评分。",
                "The data set has declared no quality rules, so it has no score.",
            ),
        )
    named = next((item for item in rules.score_bands if item.name == band), None)
    if named is None or measured.score < named.from_score:
        best = band_of(measured.score, rules)
        raise Denied(
            "score_above_measured",
            Message(
                "公布的评分不得高于测量结果。",
                "A released score is never better than what was measured.",
            ),
            field="$.band",
            way_out=Message(f"最高可公布：{best.name_zh}。", f"At best: {best.name_en}."),
        )


def _need_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput(
            "reason_missing", Message("请写明理由。", "Give a reason."), field="$.reason"
        )
