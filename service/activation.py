"""Brings a licence into force: its extracts are built, its people's policy is swapped in whole.

Order matters: extracts first, policy last, so that a permitted question always finds its extract.
Where an extract is refused the licence stays signed but gives no rows, and the refusal is raised.
"""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from audit.events import Recorded, Writer
from authorization.documents import AccessMode, Grant, LicenceDocument
from authorization.enforcer import Enforcer
from authorization.licences import (
    Licence,
    LicenceState,
    activate_licence,
    licences_in,
    require_licence,
)
from authorization.snapshots import refresh
from authorization.validation import LicenceRuleset
from catalog.datasets import Dataset, Version
from catalog.store import current_version, dataset_by_name
from catalog.versions import read_rows, version_directory
from disclosure.budgets.allocation import check_caps_fit
from disclosure.extract_records import activate_extract, end_extract, standing_extracts
from disclosure.extracts import (
    build_extract,
    destroy_extract,
    licence_pseudonym_key,
    plan_extract,
    pseudonym_key_name,
)
from disclosure.spending import check_rows_may_be_held
from foundation.db import reading
from foundation.errors import Message, NotFound, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.ids import random_name
from foundation.keys import KeyStore
from policies.load import PolicyPack
from policies.schema.masks import MaskRules
from policies.schema.privacy import PrivacyRules

EXTRACTS = "extracts"
log = logging.getLogger("sandgate.activation")


@dataclass(frozen=True)
class Activation:
    """Builds, reloads and destroys what a licence document compiles to."""

    engine: Engine
    writer: Writer
    keys: KeyStore
    enforcer: Enforcer
    pack: PolicyPack
    home: Path
    authority_key: bytes

    def activate(
        self, licence_id: str, actor: Actor
    ) -> tuple[Recorded[Licence], list[dict[str, object]]]:
        """Check, sign and bring into force; return the entry and the extracts that were built."""
        self._check_published(licence_id)
        recorded = activate_licence(
            self.writer,
            self.keys,
            actor,
            licence_id,
            LicenceRuleset.of(self.pack),
            check_rows=check_rows_may_be_held,
            check_budgets=partial(check_caps_fit, rules=self.pack.rules(PrivacyRules)),
        )
        return recorded, self._bring_into_force(licence_id, actor)

    def _check_published(self, licence_id: str) -> None:
        """Refuse a licence on a data set without a version: there would be nothing to ask."""
        for grant in self._document(licence_id).grants:
            self._data(grant.dataset)

    def _bring_into_force(self, licence_id: str, actor: Actor) -> list[dict[str, object]]:
        """Build the licence's extracts, then swap in the policy that allows asking them."""
        built = self._build_missing(licence_id, actor)
        self.reload()
        return built

    def complete(self) -> None:
        """Build the extracts that a crash right after an activation left unbuilt; call at start."""
        with reading(self.engine) as connection:
            active = [licence.id for licence in licences_in(connection, (LicenceState.ACTIVE,))]
        for licence_id in active:
            try:
                self._build_missing(licence_id, SYSTEM_ACTOR)
            except SandgateError as refusal:
                log.warning("licence %s has no extract: %s", licence_id, refusal.code)

    def reload(self) -> None:
        """Compile every active licence anew and swap the snapshot in one step."""
        left_out = refresh(self.enforcer, self.engine, self.pack, self.authority_key)
        for licence_id, refusal in left_out:
            log.error("licence %s stays out of force: %s", licence_id, refusal.code)

    def destroy(self, licence_id: str, actor: Actor) -> list[str]:
        """Destroy the keys and files of a licence's extracts; return their digests."""
        self.reload()
        with reading(self.engine) as connection:
            extracts = standing_extracts(connection, licence_id)
        for extract in extracts:
            end_extract(self.writer, actor, extract, self.keys, reason="licence_ended")
        self.keys.destroy(pseudonym_key_name(licence_id))
        return [extract.digest for extract in extracts]

    def destroy_ended(self) -> list[str]:
        """Destroy the extracts of licences that ended or expired; return those licences."""
        with reading(self.engine) as connection:
            over = licences_in(connection, (LicenceState.ENDED, LicenceState.EXPIRED))
            standing = {extract.licence for extract in standing_extracts(connection)}
        found = [licence.id for licence in over if licence.id in standing]
        for licence_id in found:
            self.destroy(licence_id, SYSTEM_ACTOR)
        return found

    def remove_leftovers(self) -> list[str]:
        """Destroy extracts that a crash left unrecorded, or half destroyed; call at start."""
        self.destroy_ended()
        with reading(self.engine) as connection:
            kept = {extract.path.name for extract in standing_extracts(connection)}
        left = [
            path
            for path in sorted((self.home / EXTRACTS).glob("*.parquet"))
            if path.name not in kept
        ]
        for path in left:
            destroy_extract(path, _key_name(path.stem), self.keys)
        return [path.name for path in left]

    def _build_missing(self, licence_id: str, actor: Actor) -> list[dict[str, object]]:
        with reading(self.engine) as connection:
            standing = {item.dataset for item in standing_extracts(connection, licence_id)}
        document = self._document(licence_id)
        return [
            self._build(document, grant, actor)
            for grant in document.grants
            if AccessMode.ROWS in grant.modes and grant.dataset not in standing
        ]

    def _document(self, licence_id: str) -> LicenceDocument:
        with reading(self.engine) as connection:
            found = require_licence(connection, licence_id)
        return LicenceDocument.model_validate_json(found.document)

    def _build(self, document: LicenceDocument, grant: Grant, actor: Actor) -> dict[str, object]:
        dataset, version = self._data(grant.dataset)
        rules = self.pack.rules(MaskRules)
        plan = plan_extract(dataset.declaration, grant, rules)
        name = random_name()
        extract = build_extract(
            plan,
            read_rows(version_directory(self.home, version.id), plan.source_columns()),
            path=self.home / EXTRACTS / f"{name}.parquet",
            keys=self.keys,
            key_name=_key_name(name),
            pseudonym_key=licence_pseudonym_key(self.keys, document.id),
            rules=rules,
        )
        activate_extract(
            self.writer,
            actor,
            extract,
            licence=document.id,
            version=version.manifest_digest,
            policy_digest=self.pack.digest,
        )
        return {
            "dataset": extract.dataset,
            "columns": list(extract.columns),
            "digest": extract.digest,
        }

    def _data(self, name: str) -> tuple[Dataset, Version]:
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


def _key_name(name: str) -> str:
    return f"extract-{name}"
