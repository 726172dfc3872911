"""Settling a period: one pool a licence, whole fen once, one journal each for what was billed.

The payer's receivable (or prepaid wallet) is debited with the bill; every payee's line is credited
as accrued, and becomes payable only by the later steps of ``revenue/flow``. Departments' lines name
the treasury as their channel (财资〔2024〕1号); tax and reserve are lines like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from audit.events import PendingEntry
from authorization.documents import LicenceDocument
from authorization.licences import LicenceState, licence_document, licences_in
from authorization.organisations import group_of
from authorization.revenue_terms import Tariff
from authorization.scheme_terms import ShareScheme
from foundation.clock import MICROSECONDS_PER_DAY
from foundation.errors import Denied, Message, Unavailable
from foundation.money import MICRO_FEN_PER_FEN, largest_remainder
from policies.schema.revenue import RevenueRules
from revenue.carries import bill_carry_micro_fen, carried_by_payee, keep_carries
from revenue.kinds import AccountKind, JournalKind
from revenue.ledger import (
    Account,
    JournalRequest,
    Posted,
    Posting,
    post_all,
    wallet_balance_fen,
)
from revenue.metering import last_close_index
from revenue.permitted.actual import permitted_left_fen
from revenue.pool_usage import IndexRange, PoolUsage, licences_used, pool_usage
from revenue.pools import Affiliate, Bill, Pool, charged_a_fee, keep_pools
from revenue.schemes.measures import measure, weights_of
from revenue.schemes.versions import KeptScheme, keep_scheme, scheme_in_force
from revenue.settlement_rules import SettlementRule, compile_rule, keep_rule
from revenue.shares import Carried, Line, Money, pay, split_pool
from revenue.tariffs.checking import check_billable, is_free
from revenue.tariffs.versions import keep_tariff, kept_tariff, tariff_in_force

_IN_FORCE = (LicenceState.ACTIVE, LicenceState.SUSPENDED)


@dataclass(frozen=True)
class Settled:
    """What closing a period settled: a pool a licence, and the journals of those billed."""

    pools: tuple[Pool, ...]
    journals: tuple[Posted, ...]


def settle(
    connection: Connection, entry: PendingEntry, period_id: str, rules: RevenueRules
) -> Settled:
    """Settle every licence that was used, or owes a fee, up to the closing entry.

    Raises Unavailable where stored carries do not sum to zero: then nothing is settled.
    """
    within = IndexRange(last_close_index(connection), entry.index)
    settling = _Settling(connection, entry, period_id, rules, within, {})
    licences = licences_used(connection, within) | settling.owing_a_fee()
    owed = [settling.owed(licence) for licence in sorted(licences)]
    left = settling.permitted_left(owed)
    pools = tuple(settling.pool(one, left[one.licence.id]) for one in owed)
    posted = post_all(connection, entry, [_journal(one) for one in pools if one.bill.billed_fen])
    keep_pools(connection, pools)
    for one in pools:
        moved = one.bill.carry_out_micro_fen - one.bill.carry_in_micro_fen
        keep_carries(
            connection, entry, one.licence, period_id, bill_micro_fen=moved, lines=one.lines
        )
    return Settled(pools, tuple(posted))


@dataclass(frozen=True)
class _Owed:
    """What a licence's payer owes, and the documents that decide where it goes."""

    licence: LicenceDocument
    tariff: Tariff
    scheme: KeptScheme
    rule: SettlementRule
    used: PoolUsage
    bill: Bill


@dataclass(frozen=True)
class _Settling:
    """One close: what it reads, and what it has taken from each payer's wallet so far."""

    connection: Connection
    entry: PendingEntry
    period: str
    rules: RevenueRules
    within: IndexRange
    taken_fen: dict[str, int]

    def owing_a_fee(self) -> set[str]:
        """Return the licences in force that owe a period's fee, used or not."""
        documents = (
            LicenceDocument.model_validate_json(licence.document)
            for licence in licences_in(self.connection, _IN_FORCE)
        )
        now = self.entry.time_us
        return {one.id for one in documents if self._fee_fen(one, self._tariff(one), now)}

    def owed(self, licence_id: str) -> _Owed:
        """Work out what a licence's payer owes."""
        licence = licence_document(self.connection, licence_id)
        tariff, scheme = self._tariff(licence), scheme_in_force(self.connection, licence)
        rule = compile_rule(licence, tariff, scheme.digest, self.rules)
        keep_rule(self.connection, rule)
        keep_tariff(self.connection, tariff)
        keep_scheme(self.connection, scheme.scheme)
        used = pool_usage(self.connection, licence_id, self.within)
        return _Owed(licence, tariff, scheme, rule, used, self._bill(licence, tariff, used))

    def permitted_left(self, owed: Sequence[_Owed]) -> dict[str, int | None]:
        """Return each licence's part of what its operator may still bill this year, in fen.

        The maximum is the operator's: what is left of it is shared over the bills of this close.
        """
        found: dict[str, int | None] = {}
        bills = {one.licence.id: one.bill.billed_fen for one in owed}
        for operator in sorted({one.licence.operator for one in owed}):
            names = [one.licence.id for one in owed if one.licence.operator == operator]
            left = permitted_left_fen(self.connection, names[0], self.entry.time_us)
            billed = {name: bills[name] for name in names if bills[name]}
            found |= dict.fromkeys(names, left)
            if left is not None and billed:
                found |= largest_remainder(left, billed)
        return found

    def pool(self, owed: _Owed, left_fen: int | None) -> Pool:
        """Share out what is owed under a licence."""
        licence, scheme = owed.licence, owed.scheme.scheme
        bill = replace(owed.bill, permitted_left_fen=left_fen)
        approved = {}
        if scheme.pot is not None:
            approved = {source.dataset: source.approved_rows for source in scheme.pot.sources}
        measured = measure(owed.used.contributions, approved)
        weights = {} if scheme.pot is None else weights_of(scheme.pot, measured)
        money = Money(bill.billed_fen, self.rules.tax.ppm, bill.excess_fen)
        steps = split_pool(money, scheme, weights, licence.id)
        carried = carried_by_payee(self.connection, licence.id)
        _check_carries(carried)
        return Pool(
            period=self.period,
            licence=licence.id,
            within=self.within,
            rule=owed.rule,
            tariff=owed.tariff,
            scheme=owed.scheme,
            usage=owed.used,
            bill=bill,
            measured=measured,
            weights=weights,
            steps=steps,
            lines=pay(bill.billed_fen, steps, carried),
            affiliates=self._affiliates(licence, scheme, owed.used),
        )

    def _tariff(self, licence: LicenceDocument) -> Tariff:
        return tariff_in_force(self.connection, licence, self.entry.time_us)

    def _fee(self, licence: LicenceDocument, tariff: Tariff, used: PoolUsage) -> tuple[int, Tariff]:
        """Return the fee of the period in fen, and the tariff that asks it: the highest there is.

        A fee is owed by the tariff of the close, or by one that something was used under: what it
        includes was given, so its end or a change before the close does not save the fee.
        """
        asked = [(self._fee_fen(licence, tariff, self.entry.time_us), tariff)]
        for name, time_us in sorted(used.tariffs):
            other = kept_tariff(self.connection, name)
            asked.append((self._fee_fen(licence, other, time_us), other))
        return max(asked, key=lambda one: one[0])

    def _fee_fen(self, licence: LicenceDocument, tariff: Tariff, time_us: int) -> int:
        """Return a tariff's fee: nothing for a free class, or where it may not be billed then.

        Nor is it owed so soon after the last one that closing often would charge it often.
        """
        terms = tariff.subscription
        if terms is None or is_free(licence.product, self.rules):
            return 0
        if terms.fen_per_period > terms.ceiling_fen_per_period:
            return 0
        try:
            check_billable(tariff, time_us)
        except Denied:
            return 0
        after_us = self.entry.time_us - self.rules.subscription.days_min * MICROSECONDS_PER_DAY
        charged = charged_a_fee(self.connection, licence.id, after_us)
        return 0 if charged else terms.fen_per_period

    def _bill(self, licence: LicenceDocument, tariff: Tariff, used: PoolUsage) -> Bill:
        fee, asks = self._fee(licence, tariff, used)
        bill = Bill(
            gross_micro_fen=used.gross_micro_fen,
            subscription_fen=fee,
            carry_in_micro_fen=bill_carry_micro_fen(self.connection, licence.id),
            prepaid_fen=0,
            permitted_left_fen=None,
        )
        prepaid = used.prepaid_micro_fen + (fee * MICRO_FEN_PER_FEN if asks.prepaid else 0)
        gross = used.gross_micro_fen + fee * MICRO_FEN_PER_FEN
        wanted = bill.billed_fen if prepaid == gross else prepaid // MICRO_FEN_PER_FEN
        payer = licence.product.payer
        taken = self.taken_fen.get(payer, 0)
        held = max(0, wallet_balance_fen(self.connection, payer) - taken) if wanted else 0
        from_wallet = min(wanted, bill.billed_fen, held)
        self.taken_fen[payer] = taken + from_wallet
        return replace(bill, prepaid_fen=from_wallet)

    def _affiliates(
        self, licence: LicenceDocument, scheme: ShareScheme, used: PoolUsage
    ) -> tuple[Affiliate, ...]:
        """Flag the buyers under common control with a source or, but for itself, the operator."""
        sources = () if scheme.pot is None else scheme.pot.sources
        watched = {licence.operator, *(source.payee for source in sources)}
        found = []
        for buyer, use in sorted(used.buyers.items()):
            known = watched - ({buyer} if buyer == licence.operator else set())
            related = tuple(sorted(group_of(self.connection, buyer) & known))
            if related:
                found.append(Affiliate(buyer, related, use.outcomes, use.gross_micro_fen))
        return tuple(found)


def _journal(one: Pool) -> JournalRequest:
    receivable_fen = one.bill.billed_fen - one.bill.prepaid_fen
    legs = [
        Posting(
            Account(AccountKind.RECEIVABLE, f"{one.rule.biller}:{one.rule.payer}"), receivable_fen
        ),
        Posting(Account(AccountKind.WALLET, one.rule.payer), one.bill.prepaid_fen),
        *(_accrued(line) for line in one.lines),
    ]
    return JournalRequest(
        idempotency_key=f"settlement:{one.period}:{one.rule.digest}",
        period=one.period,
        kind=JournalKind.SETTLEMENT,
        rule_digest=one.rule.digest,
        postings=tuple(leg for leg in legs if leg.fen),
    )


def _accrued(line: Line) -> Posting:
    return Posting(Account(AccountKind.ACCRUED, f"{line.channel}:{line.payee}"), -line.fen)


def _check_carries(carried: dict[str, Carried]) -> None:
    if sum(one.micro_fen for one in carried.values()):
        raise Unavailable(
            "ledger_inconsistent",
            Message(
                zh="各收款方的结转之和不为零，已停止结算。",
                en="What the payees carry does not sum to zero; nothing is settled.",
            ),
            rule="revenue/settlement",
        )
