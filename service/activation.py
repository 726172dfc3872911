"""Brings a licence into force: checked, signed, and then its extracts are built.

Every worker knows a licence from the commit that signs it, for the version of policy moves with
it. Until its extract is there it gives no rows: such a question is refused, and nothing is read.
Where an extract is refused the licence stays signed but gives no rows, and the refusal is raised.
"""

import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from audit.events import Recorded, Writer
from authorization.documents import LicenceDocument
from authorization.enforcer import Enforcer
from authorization.licences import (
    GivenSignature,
    Licence,
    LicenceState,
    activate_licence,
    licences_in,
    require_licence,
)
from authorization.signing import AuthorityKeys
from authorization.snapshots import refresh
from authorization.validation import LicenceRuleset
from catalog.zones.places import extract_directories
from disclosure.budgets.allocation import check_caps_fit
from disclosure.extract_records import end_extract, standing_extracts
from disclosure.extracts import destroy_extract, pseudonym_key_name
from disclosure.spending import check_rows_may_be_held
from foundation.db import reading
from foundation.errors import Conflict, Message, SandgateError
from foundation.identity import SYSTEM_ACTOR, Actor
from foundation.keys import KeyStore
from policies.load import PolicyPack
from policies.schema.privacy import PrivacyRules
from service.extract_keeping import ExtractKeeper, key_name

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
    authority: AuthorityKeys
    authority_signs_with: KeyStore
    keeper: ExtractKeeper

    def activate(
        self, licence_id: str, actor: Actor, signature: bytes | None = None
    ) -> tuple[Recorded[Licence], list[dict[str, object]]]:
        """Check and bring into force; return the entry and the extracts that were built.

        ``signature`` is the authority's own; only development can do without and sign here.
        """
        given: GivenSignature | None = GivenSignature(signature, self.authority)
        if self.authority.held and signature is None:
            given = None
        self._check_extracts(licence_id)
        recorded = activate_licence(
            self.writer,
            self.authority_signs_with,
            actor,
            licence_id,
            LicenceRuleset.of(self.pack),
            check_rows=check_rows_may_be_held,
            check_budgets=partial(check_caps_fit, rules=self.pack.rules(PrivacyRules)),
            given=given,
        )
        return recorded, self._bring_into_force(licence_id, actor)

    def _check_extracts(self, licence_id: str) -> None:
        """Refuse a licence on a data set without a version, or whose rows may not be held (I13)."""
        document = self._document(licence_id)
        for grant in document.grants:
            self.keeper.data(grant.dataset)
        self.keeper.check(document)

    def _bring_into_force(self, licence_id: str, actor: Actor) -> list[dict[str, object]]:
        """Build the licence's extracts; the policy that is known already is read anew here."""
        built = self.keeper.build_missing(self._document(licence_id), actor)
        self.reload()
        return built

    def complete(self) -> None:
        """Build what a crash left unbuilt, renew what is not as it should be; call at start."""
        with reading(self.engine) as connection:
            active = [licence.id for licence in licences_in(connection, (LicenceState.ACTIVE,))]
        for licence_id in active:
            try:
                self.keeper.build_missing(self._document(licence_id), SYSTEM_ACTOR)
            except SandgateError as refusal:
                log.warning("licence %s has no extract: %s", licence_id, refusal.code)
        self.keeper.refresh()

    def rebuild(self, licence_id: str, actor: Actor) -> list[dict[str, object]]:
        """Build a licence's extracts anew; each old one answers until its successor does.

        Raises Conflict before the licence is in force and once it is over: its keys are gone.
        """
        with reading(self.engine) as connection:
            state = require_licence(connection, licence_id).state
        if state not in {LicenceState.ACTIVE, LicenceState.SUSPENDED}:
            raise Conflict(
                "licence_without_extracts",
                Message(
                    zh="该授权尚未生效或已经终结，没有可重建的授权数据。",
                    en="The licence is not in force yet, or is over: it has no extracts to "
                    "build anew.",
                ),
                field="licence_id",
                rule="policies/licences",
            )
        return self.keeper.rebuild(self._document(licence_id), actor)

    def refresh_extracts(self) -> list[str]:
        """Bring all extracts up to the newest versions and rules; return the licences changed."""
        return self.keeper.refresh()

    def reload(self) -> None:
        """Compile every active licence anew and swap the snapshot in one step."""
        left_out = refresh(self.enforcer, self.engine, self.pack, self.authority.accepted)
        for licence_id, refusal in left_out:
            log.error("licence %s stays out of force: %s", licence_id, refusal.code)

    def destroy(self, licence_id: str, actor: Actor) -> list[str]:
        """Destroy the keys and files of a licence's extracts; return their digests."""
        self.reload()
        with reading(self.engine) as connection:
            extracts = standing_extracts(connection, licence_id)
        for extract in extracts:
            end_extract(
                self.writer, actor, extract, self.keys, home=self.home, reason="licence_ended"
            )
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
        self.keeper.end_superseded()
        with reading(self.engine) as connection:
            kept = {extract.path.name for extract in standing_extracts(connection)}
        left = []
        for zone, directory in extract_directories(self.home):
            for path in sorted(directory.glob("*.parquet")):
                if path.name not in kept:
                    destroy_extract(path, key_name(path.stem, zone), self.keys)
                    left.append(path.name)
        return left

    def _document(self, licence_id: str) -> LicenceDocument:
        with reading(self.engine) as connection:
            found = require_licence(connection, licence_id)
        return LicenceDocument.model_validate_json(found.document)
