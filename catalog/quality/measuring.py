"""Measures a version on its keeper's command, and keeps what was found sealed.

A measurement holds the profile, the risks, the suggestions of the detectors and the scores. It is
for the source department and the authority: no figure of it stands in the log or in clear in the
store, and each reading of it is an entry of its own (I5, I14).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded, Writer
from audit.key_requests import request_keys
from audit.tags import EntryKind
from catalog.datasets import Dataset, DatasetDeclaration, Frozen, Version
from catalog.detectors.suggesting import Suggestion, suggestions
from catalog.quality.declared import (
    QualityDeclaration,
    QualityRule,
    check_quality,
    in_force,
    score,
)
from catalog.quality.keepers import kept_dataset, require_keeper, required_dataset
from catalog.quality.measurer import Measurer
from catalog.quality.store import quality_measurement, quality_ruleset
from catalog.resources.standing import packaged_rules
from catalog.standards.dictionary import dictionary
from catalog.store import current_version, dataset_table, entry_by_id
from catalog.versions import ROWS_FILE, version_directory
from foundation.canonical import canonical_bytes, digest
from foundation.clock import Clock
from foundation.db import reading
from foundation.errors import Conflict, Message, NotFound
from foundation.identity import Actor
from foundation.ids import new_id
from foundation.keys import AES_GCM, Citation, KeyStore
from policies.schema.quality import QualityRules, RiskRules
from policies.schema.standards import StandardRules

DAY_US = 86_400_000_000
PER_MILLE = 1_000
PURPOSE = "quality"


class Measured(Frozen):
    """What one measurement found: exact figures, for its keepers only. Scores are per mille."""

    id: str
    dataset: str
    version: str
    version_number: int
    ruleset: int
    measured_us: int
    profile: dict[str, Any]
    risk: dict[str, Any]
    suggestions: tuple[Suggestion, ...]
    counts: dict[str, tuple[int, int]]
    scores: dict[str, int]
    score: int | None


@dataclass(frozen=True)
class QualityDesk:
    """Everything that measuring needs: who measures, who seals, who records."""

    engine: Engine
    writer: Writer
    keys: KeyStore
    measurer: Measurer
    home: Path
    clock: Clock
    rules: QualityRules
    standards: StandardRules = field(default_factory=lambda: packaged_rules().standards)

    def declare(
        self, actor: Actor, dataset_name: str, raw: dict[str, Any]
    ) -> Recorded[QualityDeclaration]:
        """Declare a data set's quality rules; they replace those before as the next version."""
        with reading(self.engine) as connection:
            dataset = required_dataset(connection, dataset_name)
            require_keeper(connection, actor, dataset)
            known = dictionary(connection, self.standards)
        declared = check_quality(raw, dataset.declaration, self.rules, known)
        document = declared.model_dump(mode="json")
        public = {"dataset": dataset_name, "rules_digest": digest(document)}
        event = AuditEvent(EntryKind.QUALITY_DECLARED, actor, public)

        def apply(connection: Connection, entry: PendingEntry) -> QualityDeclaration:
            require_keeper(connection, actor, dataset)
            number = 1 + _ruleset_number(connection, dataset.id)
            connection.execute(
                insert(quality_ruleset).values(
                    id=new_id("qru"),
                    dataset_id=dataset.id,
                    number=number,
                    document=declared.model_dump_json(),
                    declared_by=actor.person,
                    declared_us=entry.time_us,
                )
            )
            entry.amend(number=number)
            return declared

        return self.writer.submit(event, apply)

    def measure(self, actor: Actor, dataset_name: str) -> Measured:
        """Measure the newest version in the confined child; seal and record what it found."""
        with reading(self.engine) as connection:
            dataset = kept_dataset(connection, actor, dataset_name)
            version = _required_version(connection, dataset)
            number, declared = ruleset(connection, dataset.id)
            known = dictionary(connection, self.standards)
            written = (in_force(rule, known) for rule in declared)
            rules = [rule for rule in written if rule is not None]
            timely = self._timeliness(connection, dataset, version)
        measurement = new_id("qms")
        rows = version_directory(self.home, version.id, version.zone) / ROWS_FILE
        found = self.measurer.measure(dataset.declaration, rows, rules)
        total, each = score(rules, found["rules"], timely) if rules else (None, {})
        key_name = f"quality.{measurement}"
        public = {
            "dataset": dataset_name,
            "measurement": measurement,
            "version": version.manifest_digest,
            "ruleset": number,
            "rules_version": self.rules.version,
        }
        measured = Measured(
            id=measurement,
            dataset=dataset_name,
            version=version.id,
            version_number=version.number,
            ruleset=number,
            measured_us=self.clock.now_us(),
            profile=found["profile"],
            risk=found["risk"] | {"band": risk_band(found["risk"], self.rules.risk)},
            suggestions=suggestions(dataset.declaration, found["observed"], self.rules.detectors),
            counts=found["rules"],
            scores=each,
            score=total,
        )
        cited = request_keys(self.writer, actor, PURPOSE, [key_name], dataset=dataset_name)
        sealed = self._sealed(key_name, cited, measured)
        event = AuditEvent(EntryKind.QUALITY_MEASURED, actor, public)

        def apply(connection: Connection, entry: PendingEntry) -> Measured:
            kept_dataset(connection, actor, dataset_name)
            connection.execute(
                insert(quality_measurement).values(
                    id=measurement,
                    dataset_id=dataset.id,
                    version_id=version.id,
                    ruleset=number,
                    rules_version=self.rules.version,
                    sealed=sealed,
                    key_name=key_name,
                    measured_by=actor.person,
                    measured_us=entry.time_us,
                    entry_index=entry.index,
                )
            )
            return measured

        return self.writer.submit(event, apply).value

    def read(self, actor: Actor, dataset_name: str, measurement: str = "") -> Measured:
        """Open a data set's newest measurement, or a named one, for one of its keepers."""
        with reading(self.engine) as connection:
            dataset = kept_dataset(connection, actor, dataset_name)
            row = measurement_row(connection, dataset.id, measurement)
        cited = request_keys(self.writer, actor, PURPOSE, [row.key_name], dataset=dataset_name)
        key = self.keys.data_key(row.key_name, cited)
        plain = AES_GCM.open(key, bytes(row.sealed), _context(row.id))
        return Measured.model_validate_json(plain)

    def _sealed(self, key_name: str, cited: Citation, measured: Measured) -> bytes:
        key = self.keys.create_data_key(key_name, cited)
        plain = canonical_bytes(json.loads(measured.model_dump_json()))
        return AES_GCM.seal(key, plain, _context(measured.id))

    def _timeliness(self, connection: Connection, dataset: Dataset, version: Version) -> int:
        """Score the age of a version against its entry's update frequency, per mille."""
        query = select(dataset_table.c.entry_id).where(dataset_table.c.id == dataset.id)
        entry = entry_by_id(connection, str(connection.execute(query).scalar_one()))
        if entry is None:
            return 0
        allowed = self.rules.age_days[str(entry.entry.update_frequency)] * DAY_US
        late = self.clock.now_us() - version.created_us - allowed
        return PER_MILLE if late <= 0 else max(0, PER_MILLE - late * PER_MILLE // allowed)


def ruleset(connection: Connection, dataset_id: str) -> tuple[int, Sequence[QualityRule]]:
    """Return the number of the newest quality rules and the rules; 0 and none before the first."""
    query = (
        select(quality_ruleset.c.number, quality_ruleset.c.document)
        .where(quality_ruleset.c.dataset_id == dataset_id)
        .order_by(quality_ruleset.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return 0, ()
    return row.number, QualityDeclaration.model_validate_json(row.document).rules


def measurement_row(connection: Connection, dataset_id: str, measurement: str = "") -> Row[Any]:
    """Return the newest measurement of a data set, or the one named. Raises NotFound."""
    table = quality_measurement.c
    query = select(quality_measurement).where(table.dataset_id == dataset_id)
    if measurement:
        query = query.where(table.id == measurement)
    row = connection.execute(query.order_by(table.entry_index.desc()).limit(1)).first()
    if row is None:
        raise NotFound(
            "measurement_unknown",
            Message(
                "该数据集尚未测量质量，请先办理测量。",
                "The data set was not measured yet; measure it first.",
            ),
            field="measurement",
        )
    return row


def risk_band(risk: dict[str, Any], rules: RiskRules) -> str:
    """Return the band of re-identification risk; ``none`` without declared quasi identifiers."""
    if risk["together"] is None:
        return "none"
    least = risk["together"]["k_min"]
    return next((band.name for band in rules.bands if least < band.k_below), rules.bands[-1].name)


def accepted_change(declaration: DatasetDeclaration, suggestion: Suggestion) -> dict[str, object]:
    """Return what an accepted suggestion asks the next declaration of a column to say."""
    column = declaration.column(suggestion.column)
    return {
        "column": suggestion.column,
        "from": None
        if column is None
        else {"identifier": str(column.identifier), "grade": str(column.grade)},
        "to": {"identifier": str(suggestion.identifier), "grade": str(suggestion.grade)},
        "document": suggestion.document,
    }


def _ruleset_number(connection: Connection, dataset_id: str) -> int:
    query = select(func.max(quality_ruleset.c.number)).where(
        quality_ruleset.c.dataset_id == dataset_id
    )
    return int(connection.execute(query).scalar() or 0)


def _required_version(connection: Connection, dataset: Dataset) -> Version:
    found = current_version(connection, dataset.id)
    if found is None:
        raise Conflict(
            "no_version",
            Message(
                "该数据集还没有数据版本，无可测量。",
                "The data set has no version yet; there is nothing to measure.",
            ),
            way_out=Message("请先上传数据。", "Upload its data first."),
        )
    return found


def _context(measurement: str) -> bytes:
    return f"sandgate/quality/{measurement}".encode()
