"""Publishes a version: built apart, renamed and recorded together, or refused and gone.

A refusal is logged with its rules only: rows and columns go to the provider, never to the log's
public part, and no value goes anywhere (I11).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection, Engine, insert

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.key_requests import request_keys
from audit.tags import EntryKind
from catalog.builder import Builder, Elements, SourceRefused
from catalog.datasets import Dataset, Version
from catalog.faults import FileFault, VersionRefused, explain
from catalog.registration import require_provider
from catalog.resources.standing import StandingRules, packaged_rules
from catalog.resources.tables import TableReader
from catalog.sheets.reading import SheetReader
from catalog.standards.conforming import element_checks, keep_violations
from catalog.standards.dictionary import dictionary
from catalog.store import (
    current_version,
    dataset_by_name,
    files_text,
    next_version_number,
    version_ids,
    version_table,
)
from catalog.versions import VersionFolder, remove_leftovers
from catalog.zones.zones import check_stands_in
from foundation.canonical import digest
from foundation.db import reading
from foundation.errors import InvalidInput, Message, NotFound
from foundation.identity import Actor
from foundation.ids import random_name
from foundation.keys import KeyStore
from policies.schema.catalog import CatalogRules

FORMATS = {".csv": "csv", ".parquet": "parquet"}
SHEET_ENDING = ".xlsx"


@dataclass(frozen=True)
class Publisher:
    """Everything that publishing needs: where versions live, who builds, who records."""

    engine: Engine
    writer: Writer
    builder: Builder
    home: Path
    rules: CatalogRules
    keys: KeyStore
    standing: StandingRules = field(default_factory=packaged_rules)
    sheets: SheetReader | None = None
    tables: TableReader | None = None

    def publish(self, actor: Actor, dataset_name: str, source: Path, file_name: str) -> Version:
        """Build one uploaded file into the data set's next version.

        ``file_name`` is the provider's own name for it: its ending says CSV, Parquet or XLSX.
        Raises VersionRefused, with a fault for each place, where the file breaks the declaration.
        """
        dataset = self._dataset(actor, dataset_name)
        if Path(file_name).suffix.lower() == SHEET_ENDING and self.sheets is not None:
            with self._beside() as text:
                sheet = self.sheets.read(source.read_bytes(), file_name)
                sheet.require_clean()
                text.write_bytes(sheet.as_csv())
                return self._built(actor, dataset, text, f"{file_name}.csv")
        return self._built(actor, dataset, source, file_name)

    def read_table(self, actor: Actor, dataset_name: str) -> Version:
        """Read the declared table of the declared system into the data set's next version.

        The reading is logged before the system is asked. Raises as ``publish`` does, and
        Unavailable where the table is not to be had.
        """
        dataset = self._dataset(actor, dataset_name)
        if self.tables is None:
            raise LookupError("a platform that reads tables has a reader")
        self.tables.check(dataset)
        declaration = dataset.declaration
        public = {
            "dataset": declaration.name,
            "connection": declaration.system,
            "table": declaration.system_table or "",
            "ingestion": str(declaration.ingestion),
        }
        self.writer.submit(AuditEvent(EntryKind.SOURCE_TABLE_READ, actor, public), no_effect)
        with self._beside() as text:
            self.tables.read(dataset, text)
            return self._built(actor, dataset, text, f"{declaration.system_table}.csv")

    @contextmanager
    def _beside(self) -> Iterator[Path]:
        """Give the path of a file for what was read but not built; it is gone afterwards."""
        path = self.home / "uploads" / random_name()
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _built(self, actor: Actor, dataset: Dataset, source: Path, file_name: str) -> Version:
        elements = self._elements(dataset)
        folder = VersionFolder(self.home, dataset.zone)
        try:
            form = self._form(source, file_name)
            secret = self._population_secret(actor, dataset)
            rows = self.builder.build(dataset.declaration, source, form, folder, secret, elements)
            return self._record(actor, dataset, folder, rows, elements)
        except SourceRefused as refused:
            faults = tuple(explain(fault, file_name) for fault in refused.faults)
            self._record_refusal(actor, dataset, faults, elements)
            raise VersionRefused(faults) from refused
        finally:
            folder.discard_unpublished()

    def remove_leftovers(self) -> list[str]:
        """Remove what a crash left of versions that were never recorded; call at start."""
        with reading(self.engine) as connection:
            known = version_ids(connection)
        return remove_leftovers(self.home, known)

    def _dataset(self, actor: Actor, name: str) -> Dataset:
        with reading(self.engine) as connection:
            dataset = dataset_by_name(connection, name)
        if dataset is None:
            raise NotFound(
                "dataset_unknown",
                Message("没有该数据集。", "There is no such data set."),
                field="$.dataset",
            )
        require_provider(actor, dataset.provider)
        return dataset

    def _population_secret(self, actor: Actor, dataset: Dataset) -> bytes:
        """Return the secret under which the units of one population are the same everywhere."""
        population = dataset.declaration.population
        if population is None:
            return b""
        name = f"population.{population}"
        about = {"dataset": dataset.declaration.name, "population": population}
        cited = request_keys(self.writer, actor, "version", [name], **about)
        return self.keys.ensure_data_key(name, cited)

    def _form(self, source: Path, file_name: str) -> str:
        form = FORMATS.get(Path(file_name).suffix.lower())
        if form is None:
            raise InvalidInput(
                "format_unsupported",
                Message(
                    "只接受 .csv（UTF-8）、.parquet 和 .xlsx 文件。",
                    "Only .csv (UTF-8), .parquet and .xlsx files are accepted.",
                ),
                field="$.file",
            )
        if source.stat().st_size > self.rules.source_bytes_max:
            raise InvalidInput(
                "file_too_large",
                Message(
                    f"文件超过 {self.rules.source_bytes_max} 字节的上限，请拆分后分版本提交。",
                    f"The file is over {self.rules.source_bytes_max} bytes; split it.",
                ),
                field="$.file",
                rule="policies/catalog",
            )
        return form

    def _elements(self, dataset: Dataset) -> Elements:
        """Return the data elements that the columns are held to, of the newest editions.

        Raises Conflict where the data set's zone is not open.
        """
        with reading(self.engine) as connection:
            check_stands_in(connection, dataset.zone, dataset.declaration, self.standing.zones)
            known = dictionary(connection, self.standing.standards)
        return Elements(element_checks(dataset.declaration, known))

    def _record(
        self,
        actor: Actor,
        dataset: Dataset,
        folder: VersionFolder,
        rows: int,
        elements: Elements,
    ) -> Version:
        declaration = dataset.declaration.model_dump(mode="json")
        facts: dict[str, object] = {
            "dataset": dataset.id,
            "declaration_digest": digest(declaration),
            "row_count": rows,
        }
        manifest = folder.seal(facts)
        event = AuditEvent(
            EntryKind.VERSION_PUBLISHED,
            actor,
            public={
                "dataset": dataset.declaration.name,
                "version": folder.version_id,
                "manifest_digest": manifest,
                "population": dataset.declaration.population,
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Version:
            number = next_version_number(connection, dataset.id)
            connection.execute(
                insert(version_table).values(
                    id=folder.version_id,
                    dataset_id=dataset.id,
                    number=number,
                    created_us=entry.time_us,
                    manifest_digest=manifest,
                    row_count=rows,
                    files=files_text(folder.files),
                    zone=dataset.zone,
                )
            )
            found = (elements.checks, elements.broken)
            keep_violations(connection, dataset.id, folder.version_id, *found, entry.time_us)
            entry.amend(number=number)
            version = current_version(connection, dataset.id)
            if version is None:
                raise LookupError("a version just inserted is there")
            folder.reveal()
            return version

        return self.writer.submit(event, apply).value

    def _record_refusal(
        self,
        actor: Actor,
        dataset: Dataset,
        faults: tuple[FileFault, ...],
        elements: Elements,
    ) -> None:
        event = AuditEvent(
            EntryKind.VERSION_REFUSED,
            actor,
            public={
                "dataset": dataset.declaration.name,
                "rules": sorted({fault.rule for fault in faults}),
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> None:
            found = (elements.checks, elements.broken)
            keep_violations(connection, dataset.id, None, *found, entry.time_us)

        self.writer.submit(event, apply)
