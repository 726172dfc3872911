"""Fetching a released product: who may, that it is still allowed, and that it is metered once.

The fetch's entry, its meter and its price are one commit (I6). A refusal is logged too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from audit.events import AuditEvent, PendingEntry, Writer, no_effect
from audit.tags import EntryKind
from authorization.documents import LicenceDocument
from authorization.licences import Licence, require_licence
from authorization.organisations import group_of, served_by
from authorization.revocation import SuspensionBoard, check_in_force
from authorization.separation import check_not_redeveloping
from disclosure.release.copies import Copy, certify_copy, make_copy
from disclosure.release.delivered import Delivered, delivered_product
from foundation.db import reading
from foundation.errors import Denied, Message, SandgateError
from foundation.identity import Actor
from foundation.keys import KeyStore
from service.metering import UseMetering


@dataclass(frozen=True)
class Fetched:
    """A product as it is handed over: the buyer's own copy, its certificate, and the receipt."""

    delivered: Delivered
    copy: Copy
    certificate: Mapping[str, object]
    index: int
    receipt: str
    gross_micro_fen: int


class ProductShop:
    """Hands out released products against a metered entry."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        board: SuspensionBoard,
        metering: UseMetering,
        keys: KeyStore,
    ) -> None:
        """Join ledger, log and the desk's key, which signs what is handed over."""
        self._engine = engine
        self._keys = keys
        self._writer = writer
        self._board = board
        self.metering = metering

    def fetch(self, actor: Actor, licence_id: str) -> Fetched:
        """Hand over the newest product of a licence. Raises what refuses it, after logging it."""
        with reading(self._engine) as connection:
            licence = require_licence(connection, licence_id)
        document = LicenceDocument.model_validate_json(licence.document)
        public = {
            "licence": licence_id,
            "licence_digest": licence.digest,
            "purpose": str(document.scenario.purpose),
        }

        def apply(connection: Connection, entry: PendingEntry) -> tuple[Delivered, Copy, int]:
            self._check(connection, actor, licence, document, entry.time_us)
            delivered = delivered_product(connection, licence_id)
            metered = self.metering.fetched(
                connection, entry, document, delivered, actor.organisation
            )
            entry.amend(product=delivered.id, buyer=actor.organisation)
            copy = make_copy(connection, entry, actor, licence_id, delivered)
            return delivered, copy, metered.gross_micro_fen

        try:
            event = AuditEvent(EntryKind.PRODUCT_FETCHED, actor, public)
            recorded = self._writer.submit(event, apply)
        except SandgateError as refusal:
            refused = {**public, "code": refusal.code}
            event = AuditEvent(EntryKind.PRODUCT_REFUSED, actor, refused)
            self._writer.submit(event, no_effect)
            refusal.logged = True
            raise
        delivered, copy, gross_micro_fen = recorded.value
        signed = certify_copy(self._keys, copy.document, recorded.citation)
        return Fetched(delivered, copy, signed, recorded.index, recorded.receipt, gross_micro_fen)

    def _check(
        self,
        connection: Connection,
        actor: Actor,
        licence: Licence,
        document: LicenceDocument,
        time_us: int,
    ) -> None:
        check_in_force(connection, self._board, licence.id, time_us)
        operator_group = group_of(connection, licence.operator)
        for organisation in {actor.organisation, *served_by(connection, actor.person)}:
            check_not_redeveloping(organisation, operator_group)
        if actor.organisation != document.product.payer:
            raise Denied(
                "buyer_not_payer",
                Message(
                    "只有授权文件写明的付费方可以调用此产品。",
                    "Only the payer named in the licence may fetch this product.",
                ),
                field="licence",
                rule="licence document",
            )
