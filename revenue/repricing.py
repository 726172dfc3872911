"""Free use that moved into a product of industry: billed after all, once, at that product's tariff.

A purpose is fixed by the approved scenario. Where the authority finds that an industry product was
made from what a free purpose gave, one of its persons names those outcomes and another approves;
then their use is metered again for the product's licence. The free use stays as it was; both point
at the same log entries.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from audit.events import PendingEntry
from authorization.documents import LicenceDocument
from authorization.licences import check_not_of_operator, require_licence
from authorization.organisations import group_of, served_by
from authorization.separation import check_independent, check_not_buying, check_role
from foundation.errors import Conflict, InvalidInput, Message, NotFound
from foundation.identity import Actor, Role
from policies.schema.revenue import Meter
from revenue.billing import Billing
from revenue.metering import Metered, Source, Use
from revenue.tariffs.checking import PRICING_DOCUMENT, is_free
from revenue.usage_store import usage

OUTCOMES_MAX = 100
REPRICED_METERS = frozenset(
    {Meter.FETCH, Meter.CALL, Meter.ROW, Meter.NANO_RHO, Meter.VERIFICATION, Meter.RELEASE}
)


@dataclass(frozen=True)
class Basis:
    """What an outcome rested on, and the key of its question under the licence that now pays."""

    sources: tuple[Source, ...]
    outcome_key: str


BasisOf = Callable[[Connection, LicenceDocument, int, str], Basis]
"""Given the paying licence, an outcome's log index and what it gave, return what it rested on."""


@dataclass(frozen=True)
class Declared:
    """The authority's finding: this licence's product derives from these outcomes of another."""

    licence: str
    source_licence: str
    outcomes: tuple[int, ...]


@dataclass(frozen=True)
class Repricing:
    """Checks what one person of the authority proposes, and bills it once another approves."""

    billing: Billing
    basis: BasisOf

    def prepare(self, connection: Connection, actor: Actor, declared: Declared) -> dict[str, Any]:
        """Check a finding as things stand and return it as the subject of a proposal.

        Raises Denied for whoever is not of the authority alone, InvalidInput where a licence is of
        the wrong class, NotFound where an outcome is not the source licence's, Conflict where one
        was repriced before.
        """
        subject = {
            "licence": declared.licence,
            "source_licence": declared.source_licence,
            "outcomes": sorted(set(declared.outcomes)),
        }
        self._uses(connection, actor, subject)
        return subject

    def carry_out(
        self, connection: Connection, entry: PendingEntry, actor: Actor, subject: Mapping[str, Any]
    ) -> Metered:
        """Bill the outcomes of a proposal that a second person approves, checked again.

        Raises what ``prepare`` does, and Denied without an approved tariff or with too little in a
        prepaid wallet.
        """
        uses = self._uses(connection, actor, subject)
        entry.amend(**{name: subject[name] for name in ("licence", "source_licence", "outcomes")})
        return self.billing.bill_again(connection, entry, uses)

    def _uses(
        self, connection: Connection, actor: Actor, subject: Mapping[str, Any]
    ) -> list[tuple[int, Use]]:
        check_role(actor, Role.AUTHORITY)
        if not 1 <= len(subject["outcomes"]) <= OUTCOMES_MAX:
            raise _invalid(
                "outcomes_count",
                "outcomes",
                f"每次须列 1 至 {OUTCOMES_MAX} 条不同的日志条目。",
                f"Name 1 to {OUTCOMES_MAX} different log entries at a time.",
            )
        paying = _licence(connection, actor, subject["licence"])
        source = _licence(connection, actor, subject["source_licence"])
        rules = self.billing.rules
        if is_free(paying.product, rules) or not is_free(source.product, rules):
            raise _invalid(
                "repricing_classes",
                "licence",
                "只能将免费用途下的使用补计到产业用途的授权。",
                "Only use under a free purpose is priced anew, for a licence of industry.",
            )
        return [
            (index, _use(connection, paying, source.id, index, self.basis))
            for index in subject["outcomes"]
        ]


def _licence(connection: Connection, actor: Actor, licence_id: str) -> LicenceDocument:
    """Return a licence. Raises Denied for whoever is near its operator, biller or payer (I8)."""
    licence = require_licence(connection, licence_id)
    check_not_of_operator(connection, actor, licence)
    document = LicenceDocument.model_validate_json(licence.document)
    belongs_to = {actor.organisation, *served_by(connection, actor.person)}
    check_independent(belongs_to, group_of(connection, document.product.biller))
    check_not_buying(belongs_to, group_of(connection, document.product.payer))
    return document


def _use(
    connection: Connection, paying: LicenceDocument, source: str, index: int, basis: BasisOf
) -> Use:
    columns = usage.c
    found = connection.execute(
        select(columns.meter, columns.quantity, columns.product, columns.buyer).where(
            columns.source_index == index, columns.audit_index == index, columns.licence == source
        )
    ).all()
    meters = {Meter(row.meter): row.quantity for row in found}
    meters = {meter: meters[meter] for meter in meters if meter in REPRICED_METERS}
    if not meters:
        raise NotFound(
            "usage_unknown",
            Message(
                f"日志第 {index} 号条目不是该授权下可补计价的使用。",
                f"Log entry {index} is no use of that licence that could be priced anew.",
            ),
            field="outcomes",
            rule=PRICING_DOCUMENT,
        )
    known = select(columns.audit_index).where(
        columns.source_index == index, columns.licence == paying.id
    )
    if connection.execute(known).first() is not None:
        raise Conflict(
            "usage_repriced",
            Message(
                f"日志第 {index} 号条目已补计价。",
                f"Log entry {index} was priced anew for this licence already.",
            ),
            field="outcomes",
            rule=PRICING_DOCUMENT,
        )
    rested = basis(connection, paying, index, found[0].product)
    return Use(
        licence=paying,
        product=found[0].product,
        buyer=found[0].buyer,
        meters=meters,
        sources=_with_rows(rested.sources, meters),
        outcome_key=rested.outcome_key,
    )


def _with_rows(sources: Sequence[Source], meters: dict[Meter, int]) -> tuple[Source, ...]:
    rows = meters.get(Meter.ROW, 0)
    return tuple(Source(item.dataset, item.columns, rows) for item in sources)


def _invalid(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.{field}", rule=PRICING_DOCUMENT)
