"""What may be used, what it costs and that it is paid for: tariff, wallet and meters as one door.

Industry use needs an approved tariff in its term; free classes need none and cost nothing. Prepaid
use sets its highest price aside before anything is given, and is refused where the wallet is short.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection, select

from audit.events import PendingEntry
from authorization.documents import LicenceDocument
from authorization.revenue_terms import Tariff
from foundation.errors import Denied
from foundation.money import MICRO_FEN_PER_FEN
from policies.schema.revenue import Meter, RevenueRules
from revenue.metering import (
    Metered,
    UsageLine,
    Use,
    last_close_index,
    meter,
    meter_again,
    priced_lines,
)
from revenue.tariffs.checking import check_billable, is_free
from revenue.tariffs.versions import tariff_in_force
from revenue.usage_store import wallet_hold
from revenue.wallet import (
    CARRY_FEN,
    FOREVER_US,
    SUBSCRIPTION,
    Hold,
    check_covers,
    end_hold,
    hold_until,
    set_aside,
)


@dataclass(frozen=True)
class Reserved:
    """Under which name money is set aside until its outcome, for at most how many seconds."""

    kind: str
    reference: str
    seconds: int


@dataclass(frozen=True)
class Quote:
    """What a use would cost now, and by which version of the tariff."""

    tariff: Tariff
    lines: tuple[UsageLine, ...]
    free: bool

    @property
    def gross_micro_fen(self) -> int:
        """The whole price in micro-fen."""
        return sum(line.gross_micro_fen for line in self.lines)


@dataclass(frozen=True)
class Billing:
    """Admits, prices and bills uses. ``scheme_digest`` names the scheme that will split them."""

    rules: RevenueRules
    scheme_digest: Callable[[Connection, LicenceDocument], str]

    def tariff(
        self, connection: Connection, licence: LicenceDocument, time_us: int
    ) -> Tariff | None:
        """Return the tariff that bills a use now, None for a free class. Raises Denied."""
        if is_free(licence.product, self.rules):
            return None
        tariff = tariff_in_force(connection, licence, time_us)
        check_billable(tariff, time_us)
        return tariff

    def quote(
        self,
        connection: Connection,
        licence: LicenceDocument,
        meters: Mapping[Meter, int],
        time_us: int,
    ) -> Quote:
        """Price a use without making it. Raises Denied where no approved tariff holds."""
        tariff = self.tariff(connection, licence, time_us)
        lines = priced_lines(connection, licence, tariff, meters, self.rules)
        return Quote(tariff or licence.product.tariff, lines, tariff is None)

    def admit(
        self,
        connection: Connection,
        entry: PendingEntry,
        licence: LicenceDocument,
        meters: Mapping[Meter, int],
        reserved: Reserved | None = None,
    ) -> None:
        """Refuse a use that could not be billed; set the most that it can cost aside if asked to.

        Raises Denied without an approved tariff, or with too little in a prepaid wallet.
        """
        tariff = self.tariff(connection, licence, entry.time_us)
        if tariff is None or not tariff.prepaid:
            return
        after_index = last_close_index(connection)
        self._set_period_aside(connection, entry, licence, tariff, after_index)
        payer, most = licence.product.payer, highest_price_micro_fen(tariff, meters)
        if reserved is None:
            check_covers(connection, payer, most, after_index=after_index, time_us=entry.time_us)
            return
        until_us = hold_until(entry.time_us, reserved.seconds)
        hold = Hold(reserved.kind, reserved.reference, payer, licence.id, most, until_us)
        set_aside(connection, entry, hold, after_index)

    def bill(
        self,
        connection: Connection,
        entry: PendingEntry,
        use: Use,
        reserved: tuple[str, str] | None = None,
    ) -> Metered:
        """Meter an outcome beside its entry. Raises Denied where it may not be billed.

        ``reserved`` is kind and reference of what was set aside for it, which ends here.
        """
        tariff = self.tariff(connection, use.licence, entry.time_us)
        if reserved is not None:
            end_hold(connection, entry, *reserved)
        if tariff is not None and tariff.prepaid:
            after_index = last_close_index(connection)
            self._set_period_aside(connection, entry, use.licence, tariff, after_index)
            lines = priced_lines(connection, use.licence, tariff, use.meters, self.rules)
            check_covers(
                connection,
                use.licence.product.payer,
                sum(line.gross_micro_fen for line in lines),
                after_index=after_index,
                time_us=entry.time_us,
                # Of rows the price tells how many there are, and a refusal gives nothing.
                told=Meter.ROW not in use.meters,
            )
        return self._meter(connection, entry, use, tariff)

    def give_back(
        self, connection: Connection, entry: PendingEntry, kind: str, reference: str
    ) -> None:
        """Give back what was set aside for an outcome that never came."""
        end_hold(connection, entry, kind, reference)

    def bill_what_ended(
        self,
        connection: Connection,
        entry: PendingEntry,
        use: Use,
        reserved: tuple[str, str] | None = None,
        *,
        began_us: int,
    ) -> Metered:
        """Meter what cannot be refused any more, at the tariff of its end or else its beginning.

        So nothing that began under an approved tariff is free by outliving it. Where neither holds
        it has no price.
        """
        if reserved is not None:
            end_hold(connection, entry, *reserved)
        tariff = None
        for time_us in (entry.time_us, began_us):
            with suppress(Denied):
                tariff = self.tariff(connection, use.licence, time_us)
                break
        return self._meter(connection, entry, use, tariff)

    def bill_again(
        self, connection: Connection, entry: PendingEntry, uses: Sequence[tuple[int, Use]]
    ) -> Metered:
        """Meter earlier outcomes, by their log indexes, for the one licence that all uses name.

        Raises Denied without an approved tariff, or with too little in a prepaid wallet.
        """
        licence = uses[0][1].licence
        tariff = self.tariff(connection, licence, entry.time_us)
        if tariff is not None and tariff.prepaid:
            most = sum(highest_price_micro_fen(tariff, use.meters) for _, use in uses)
            after_index = last_close_index(connection)
            self._set_period_aside(connection, entry, licence, tariff, after_index)
            payer = licence.product.payer
            check_covers(connection, payer, most, after_index=after_index, time_us=entry.time_us)
        return meter_again(
            connection,
            entry,
            uses,
            tariff=tariff,
            scheme_digest=self.scheme_digest(connection, licence),
            rules=self.rules,
        )

    def _meter(
        self, connection: Connection, entry: PendingEntry, use: Use, tariff: Tariff | None
    ) -> Metered:
        return meter(
            connection,
            entry,
            use,
            tariff=tariff,
            scheme_digest=self.scheme_digest(connection, use.licence),
            rules=self.rules,
        )

    def _set_period_aside(
        self,
        connection: Connection,
        entry: PendingEntry,
        licence: LicenceDocument,
        tariff: Tariff,
        after_index: int,
    ) -> None:
        """Set the period's fee aside, and what its close may round up, at the first use of it."""
        reference = f"{licence.id}@{after_index}"
        known = select(wallet_hold.c.reference).where(
            wallet_hold.c.reference == reference, wallet_hold.c.kind == SUBSCRIPTION
        )
        if connection.execute(known).first() is not None:
            return
        fee_fen = 0 if tariff.subscription is None else tariff.subscription.fen_per_period
        hold = Hold(
            SUBSCRIPTION,
            reference,
            licence.product.payer,
            licence.id,
            (fee_fen + CARRY_FEN) * MICRO_FEN_PER_FEN,
            FOREVER_US,
        )
        set_aside(connection, entry, hold, after_index)


def highest_price_micro_fen(tariff: Tariff, meters: Mapping[Meter, int]) -> int:
    """Return the most that meters can cost, whatever is used in between: no tier, none included."""
    prices = {price.meter: price.micro_fen for price in tariff.prices}
    return sum(prices.get(meter_, 0) * quantity for meter_, quantity in meters.items())
