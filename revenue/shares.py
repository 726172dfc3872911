"""How a payer's money is split: exact micro-fen for each fetch, whole fen once per pool.

The waterfall is gross, then tax, then the scheme's shares. Both steps use the largest remainder
with ties to the smaller name, so no result depends on the order of fetches or of payees.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from authorization.documents import PARTS_PER_MILLION, ShareScheme
from foundation.errors import InvalidInput, Message
from foundation.money import largest_remainder
from policies.schema.revenue import RevenueRules

TAX_PAYEE = "tax"
TAX_CHANNEL = "tax"


@dataclass(frozen=True)
class ShareLine:
    """One payee's part of one fetch. ``channel`` is ``treasury``, ``account`` or ``tax``."""

    payee: str
    channel: str
    micro_fen: int

    def as_json(self) -> dict[str, object]:
        """Return the line as a settlement rule writes it."""
        return {"payee": self.payee, "channel": self.channel, "micro_fen": self.micro_fen}


def split_fetch(
    gross_micro_fen: int, scheme: ShareScheme, rules: RevenueRules
) -> tuple[ShareLine, ...]:
    """Split the price of one fetch: the tax step first, the rest by the scheme's ppm.

    The lines sum to the price exactly and stand in the order of payee names.
    """
    check_scheme(scheme)
    tax_micro_fen = gross_micro_fen * rules.tax.ppm // PARTS_PER_MILLION
    parts = largest_remainder(
        gross_micro_fen - tax_micro_fen, {share.payee: share.ppm for share in scheme.shares}
    )
    lines = [ShareLine(share.payee, share.channel, parts[share.payee]) for share in scheme.shares]
    lines.append(ShareLine(TAX_PAYEE, TAX_CHANNEL, tax_micro_fen))
    return tuple(sorted(lines, key=lambda line: line.payee))


def round_pool(pool_fen: int, micro_fen_by_payee: Mapping[str, int]) -> dict[str, int]:
    """Round a period's pool to whole fen: the parts sum to the pool, each within one fen."""
    return largest_remainder(pool_fen, micro_fen_by_payee)


def check_scheme(scheme: ShareScheme) -> None:
    """Refuse a scheme whose payees repeat, use a reserved name, or do not sum to a million."""
    payees = [share.payee for share in scheme.shares]
    if len(set(payees)) != len(payees) or TAX_PAYEE in payees:
        raise InvalidInput(
            "share_payee_repeated",
            Message(
                zh="分配方案中的收款方重复，或使用了保留名称“tax”。",
                en="The scheme names a payee twice, or uses the reserved name 'tax'.",
            ),
            field="$.scheme.shares",
            rule="policies/revenue",
        )
    if sum(share.ppm for share in scheme.shares) != PARTS_PER_MILLION:
        raise InvalidInput(
            "shares_do_not_sum",
            Message(
                zh="分配方案各方比例之和必须等于 1,000,000 ppm。",
                en="The shares of a scheme must sum to 1,000,000 ppm.",
            ),
            field="$.scheme.shares",
            rule="policies/revenue",
        )
