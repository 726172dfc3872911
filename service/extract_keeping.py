"""Builds a licence's extracts, replaces what changed, and ends what is no longer allowed.

Whatever is new is judged first, together with all that the operator's group ever held (I13). An
extract answers until its successor is in force; where the rules have become narrower it ends
first, so that no wider extract ever stays (I3).
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from audit.events import Writer
from audit.key_requests import request_keys
from authorization.documents import AccessMode, Grant, LicenceDocument
from authorization.licences import LicenceState, licences_in
from authorization.organisations import group_of
from catalog.datasets import PUBLIC_ZONE, Dataset, Version
from catalog.store import current_version, dataset_by_name, versions
from catalog.versions import ROWS_FILE, read_rows, version_directory
from catalog.zones.places import extracts_directory
from disclosure.extract_records import (
    ActiveExtract,
    HeldExtract,
    activate_extract,
    active_extracts,
    end_extract,
    extract_plan,
    held_extracts,
    superseded_extracts,
)
from disclosure.extracts import (
    ExtractPlan,
    build_extract,
    licence_pseudonym_key,
    plan_extract,
    pseudonym_key_name,
)
from disclosure.extracts.holdings import ReadRows, Release, judge_together
from disclosure.extracts.plan import denied, groups_too_small
from foundation.db import reading
from foundation.errors import Denied, Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import random_name
from foundation.keys import KeyStore, zoned_name
from policies.load import PolicyPack
from policies.schema.masks import MaskRules

log = logging.getLogger("sandgate.extracts")


@dataclass(frozen=True)
class BuildProgress:
    """How far a build is, in source rows; exact counts are for the source and the authority."""

    dataset: str
    rows_read: int
    rows_total: int


@dataclass(frozen=True)
class _Wanted:
    """One extract that a licence should have, planned against the newest version."""

    document: LicenceDocument
    plan: ExtractPlan
    version: Version

    @property
    def name(self) -> tuple[str, str, str, str]:
        return self.document.id, self.plan.dataset, self.version.manifest_digest, self.plan.digest


@dataclass(frozen=True)
class ExtractKeeper:
    """Keeps every licence's extracts as its document, the newest version and the rules say.

    ``forget`` ends what engine workers still hold of a licence, at once where it is told so.
    """

    engine: Engine
    writer: Writer
    keys: KeyStore
    pack: PolicyPack
    home: Path
    forget: Callable[[str, bool], None] = lambda _licence, _now: None
    _turn: threading.RLock = field(default_factory=threading.RLock)
    _progress: dict[str, BuildProgress] = field(default_factory=dict)
    _refused: set[tuple[str, str, str, str]] = field(default_factory=set)

    def check(self, document: LicenceDocument) -> None:
        """Judge a licence before it is signed. Raises Denied, NotFound."""
        with self._turn:
            self._judge(document, [self._wanted(document, grant) for grant in _rows(document)])

    def build_missing(self, document: LicenceDocument, actor: Actor) -> list[dict[str, object]]:
        """Build the extracts that a licence does not have yet. Raises Denied."""
        with self._turn:
            standing = self._standing(document.id)
            wanted = [
                self._wanted(document, grant)
                for grant in _rows(document)
                if grant.dataset not in standing
            ]
            self._judge(document, wanted)
            return [self._build(item, actor) for item in wanted]

    def rebuild(self, document: LicenceDocument, actor: Actor) -> list[dict[str, object]]:
        """Build all extracts of a licence anew, each under a new key and order. Raises Denied."""
        return self._brought_up(document, actor, every=True)

    def refresh(self) -> list[str]:
        """Bring all extracts up to the newest versions and rules; return the licences changed.

        A refusal leaves what is allowed in force, is logged, and is not tried again until the
        version or the rules change.
        """
        with reading(self.engine) as connection:
            licences = licences_in(connection, (LicenceState.ACTIVE, LicenceState.SUSPENDED))
        changed = []
        for licence in licences:
            document = LicenceDocument.model_validate_json(licence.document)
            try:
                if self._brought_up(document, SYSTEM_ACTOR, every=False):
                    changed.append(licence.id)
            except SandgateError as refusal:
                log.warning("licence %s keeps no newer extract: %s", licence.id, refusal.code)
        return changed

    def end_superseded(self) -> None:
        """End extracts whose successors were in force when the service stopped; call at start."""
        with reading(self.engine) as connection:
            found = superseded_extracts(connection)
        for extract in found:
            self._end(extract, SYSTEM_ACTOR, "replaced")

    def progress(self, licence: str) -> BuildProgress | None:
        """Return how far the build that runs for a licence is, or None."""
        return self._progress.get(licence)

    def data(self, name: str) -> tuple[Dataset, Version]:
        """Return a data set and its newest version. Raises NotFound."""
        with reading(self.engine) as connection:
            dataset = dataset_by_name(connection, name)
            version = None if dataset is None else current_version(connection, dataset.id)
        if dataset is None or version is None:
            raise NotFound(
                "version_unknown",
                Message(
                    f"数据集“{name}”还没有已发布的版本，请先由供数单位发布。",
                    f"The data set {name!r} has no published version yet; publish one first.",
                ),
                field="grants",
            )
        return dataset, version

    def _brought_up(
        self, document: LicenceDocument, actor: Actor, *, every: bool
    ) -> list[dict[str, object]]:
        built = []
        with self._turn:
            for grant in _rows(document):
                built += self._renewed(document, grant, actor, every=every)
        return built

    def _renewed(
        self, document: LicenceDocument, grant: Grant, actor: Actor, *, every: bool
    ) -> list[dict[str, object]]:
        """Replace one extract where it is not what it should be."""
        old = self._standing(document.id).get(grant.dataset)
        wanted = self._still_wanted(document, grant, old, actor)
        if not every and (self._is_as_wanted(old, wanted) or wanted.name in self._refused):
            return []
        old = self._still_allowed(old, wanted, actor)
        try:
            self._judge(document, [wanted])
            built = self._build(wanted, actor)
        except Denied:
            self._refused.add(wanted.name)
            raise
        if old is not None:
            self._end(old, actor, "replaced")
        return [built]

    def _still_wanted(
        self, document: LicenceDocument, grant: Grant, old: ActiveExtract | None, actor: Actor
    ) -> _Wanted:
        """Plan what should be; where the rules now forbid it, what is there ends."""
        try:
            return self._wanted(document, grant)
        except Denied:
            if old is not None:
                self._end(old, actor, "policy_narrowed", at_once=True)
            raise

    def _is_as_wanted(self, old: ActiveExtract | None, wanted: _Wanted) -> bool:
        return old is not None and (old.version, self._plan_of(old).digest) == wanted.name[2:]

    def _still_allowed(
        self, old: ActiveExtract | None, wanted: _Wanted, actor: Actor
    ) -> ActiveExtract | None:
        """Return an extract that may answer until its successor does; a wider one ends now."""
        if old is None or self._plan_of(old).shows_no_more_than(wanted.plan):
            return old
        self._end(old, actor, "policy_narrowed", at_once=True)
        return None

    def _wanted(self, document: LicenceDocument, grant: Grant) -> _Wanted:
        dataset, version = self.data(grant.dataset)
        plan = plan_extract(dataset.declaration, grant, self.pack.rules(MaskRules))
        return _Wanted(document, plan, version)

    def _standing(self, licence: str) -> dict[str, ActiveExtract]:
        with reading(self.engine) as connection:
            return {item.dataset: item for item in active_extracts(connection, licence)}

    def _plan_of(self, extract: ActiveExtract) -> ExtractPlan:
        with reading(self.engine) as connection:
            return extract_plan(connection, extract.digest)

    def _end(
        self, extract: ActiveExtract, actor: Actor, reason: str, *, at_once: bool = False
    ) -> None:
        end_extract(self.writer, actor, extract, self.keys, home=self.home, reason=reason)
        self.forget(extract.licence, at_once)

    def _judge(self, document: LicenceDocument, wanted: Iterable[_Wanted]) -> None:
        """Hold k and l over what the operator's group ever held and would hold. Raises Denied."""
        by_population: dict[str, list[_Wanted]] = {}
        for item in wanted:
            if item.plan.population is not None and item.plan.counts_units:
                by_population.setdefault(item.plan.population, []).append(item)
        for population, items in by_population.items():
            held = self._held(document.operator, population)
            new = [
                Release(item.document.id, item.version.manifest_digest, item.plan, self._rows(item))
                for item in items
            ]
            rules = self.pack.rules(MaskRules)
            missed = judge_together([*held, *new], rules)
            if missed is None:
                continue
            if missed != "too_large" and judge_together(new, rules) == missed:
                raise groups_too_small(
                    missed, max(getattr(item.plan.threshold, missed) for item in items)
                )
            culprits = [
                f"{old.licence}/{old.plan.dataset}"
                for old in held
                if judge_together([old, *new], rules) is not None
            ]
            raise _combined_too_small(sorted(set(culprits)), missed)

    def _held(self, operator: str, population: str) -> list[Release]:
        with reading(self.engine) as connection:
            group = group_of(connection, operator)
            licences = [
                licence.id
                for licence in licences_in(connection, tuple(LicenceState))
                if licence.operator in group
            ]
            held = held_extracts(connection, licences)
        return [
            Release(item.licence, item.version, item.plan, self._rows_of(item))
            for item in held
            if item.plan.population == population and item.plan.counts_units
        ]

    def _rows(self, wanted: _Wanted) -> ReadRows:
        return partial(
            read_rows, version_directory(self.home, wanted.version.id, wanted.version.zone)
        )

    def _rows_of(self, held: HeldExtract) -> ReadRows:
        """Return how the version of an earlier extract is read. Raises Denied where it is gone."""
        with reading(self.engine) as connection:
            dataset = dataset_by_name(connection, held.plan.dataset)
            known = [] if dataset is None else versions(connection, dataset.id)
        for version in known:
            directory = version_directory(self.home, version.id, version.zone)
            if version.manifest_digest == held.version and (directory / ROWS_FILE).is_file():
                return partial(read_rows, directory)
        raise denied(
            "extract_history_unknown",
            "columns",
            f"授权 {held.licence} 曾持有数据集“{held.plan.dataset}”的一个版本，该版本已不存在，"
            "无法合并评估，故不予授予。",
            f"The licence {held.licence} once held a version of {held.plan.dataset!r} that is "
            "gone, so nothing more can be judged together with it.",
        )

    def _build(self, wanted: _Wanted, actor: Actor) -> dict[str, object]:
        document, plan, version = wanted.document, wanted.plan, wanted.version
        name = random_name()
        total = version.row_count
        wanted_keys = [key_name(name, version.zone), pseudonym_key_name(document.id)]
        about = {"licence": document.id, "dataset": plan.dataset}
        cited = request_keys(self.writer, actor, "extract", wanted_keys, **about)

        def progress(rows: int) -> None:
            self._progress[document.id] = BuildProgress(plan.dataset, rows, total)

        progress(0)
        try:
            extract = build_extract(
                plan,
                read_rows(
                    version_directory(self.home, version.id, version.zone), plan.source_columns()
                ),
                path=extracts_directory(self.home, version.zone) / f"{name}.parquet",
                keys=self.keys,
                key_name=key_name(name, version.zone),
                pseudonym_key=licence_pseudonym_key(self.keys, document.id, cited),
                rules=self.pack.rules(MaskRules),
                rows_expected=total,
                progress=progress,
                cited=cited,
            )
        finally:
            self._progress.pop(document.id, None)
        activate_extract(
            self.writer,
            actor,
            extract,
            home=self.home,
            licence=document.id,
            version=version.manifest_digest,
            policy_digest=self.pack.digest,
        )
        return {
            "dataset": extract.dataset,
            "columns": list(extract.columns),
            "digest": extract.digest,
        }


def key_name(name: str, zone: str = PUBLIC_ZONE) -> str:
    """Name the key of an extract's file, of the zone that its data stand in."""
    return zoned_name("extract", zone, name)


def _rows(document: LicenceDocument) -> list[Grant]:
    return [grant for grant in document.grants if AccessMode.ROWS in grant.modes]


def _combined_too_small(culprits: list[str], missed: str) -> Denied:
    names = ", ".join(culprits)
    too_large = missed == "too_large"
    return denied(
        "extract_combination_too_large" if too_large else "extract_combination_too_small",
        "columns",
        f"与该机构及其关联机构曾持有的副本合并后，{'过大而无法评估' if too_large else '有过小的组'}"
        f"：{names or '合计'}。",
        "Together with what the operator and its affiliates ever held, the extract "
        f"{'is too large to be judged' if too_large else 'leaves groups that are too small'}: "
        f"{names or 'all of them combined'}.",
        way_out=Message(
            "请授予与其相同的列和脱敏方式，或减少准标识符列。",
            "Grant the same columns under the same masks as before, or fewer quasi-identifiers.",
        ),
    )
