"""Whether a distribution scheme may be used: every sum, bound, payee and channel that must hold.

Asked when a licence is drafted or signed and again when a new version is proposed or approved, so
that a settlement can never meet a scheme that does not add up.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping

from authorization.organisations import DEPARTMENTS, Organisation
from authorization.scheme_terms import Pot, ShareScheme
from authorization.weights import FIELDS, parse_weight, weigh
from foundation.errors import InvalidInput, Message
from foundation.money import PARTS_PER_MILLION

RULE = "distribution-scheme"
RESERVED_PAYEES = frozenset({"tax", "reserve"})


def scheme_problems(
    scheme: ShareScheme,
    *,
    granted: Collection[str],
    organisations: Mapping[str, Organisation],
) -> list[InvalidInput]:
    """Return every problem of a scheme under a licence that grants these data sets."""
    return [
        *arithmetic_problems(scheme, granted),
        *_payee_problems(scheme),
        *_organisation_problems(scheme, organisations),
    ]


def check_scheme(
    scheme: ShareScheme, *, granted: Collection[str], organisations: Mapping[str, Organisation]
) -> None:
    """Raise the first problem of a scheme. Its way out names the other fields to correct."""
    problems = scheme_problems(scheme, granted=granted, organisations=organisations)
    if not problems:
        return
    first, *others = problems
    if others:
        fields = ", ".join(dict.fromkeys(str(problem.field) for problem in others))
        first.way_out = Message(
            zh=f"请同时更正以下字段：{fields}。", en=f"Correct these fields as well: {fields}."
        )
    raise first


def arithmetic_problems(scheme: ShareScheme, granted: Collection[str]) -> Iterator[InvalidInput]:
    """Say where the figures of a scheme do not add up, or its pot could not be shared out."""
    total = sum(share.ppm for share in scheme.shares) + (scheme.pot.ppm if scheme.pot else 0)
    repeated = _repeated(share.payee for share in scheme.shares)
    if total != PARTS_PER_MILLION or repeated:
        yield _problem(
            "shares_do_not_sum",
            "shares",
            f"各方份额与贡献池（百万分比）须合计 {PARTS_PER_MILLION}，且每一收款方只列一次。",
            f"The shares and the pot must sum to {PARTS_PER_MILLION} parts per million, each "
            "payee once.",
        )
    if _repeated(one.payee for one in scheme.cost_recovery):
        yield _problem(
            "cost_recovery_repeated",
            "cost_recovery",
            "成本补偿中每一收款方只列一次。",
            "Cost recovery names each payee once.",
        )
    if scheme.pot is not None:
        yield from _pot_problems(scheme.pot, granted)


def _pot_problems(pot: Pot, granted: Collection[str]) -> Iterator[InvalidInput]:
    yield from _weight_problems(pot.weight)
    yield from _source_problems(pot, granted)
    for place, source in enumerate(pot.sources):
        if source.minimum_ppm > source.maximum_ppm:
            yield _problem(
                "pot_infeasible",
                f"pot.sources[{place}].minimum_ppm",
                "下限不得高于上限。",
                "A source's minimum may not stand above its maximum.",
            )
    lowest = sum(source.minimum_ppm for source in pot.sources)
    highest = sum(source.maximum_ppm for source in pot.sources)
    if not lowest <= PARTS_PER_MILLION <= highest:
        yield _problem(
            "pot_infeasible",
            "pot.sources",
            f"各来源下限之和不得超过 {PARTS_PER_MILLION}，上限之和不得低于该数；否则无法分配。",
            f"The minimums may not sum to more than {PARTS_PER_MILLION}, nor the maximums to "
            "less: such a pot cannot be shared out.",
        )


def _weight_problems(weight: str) -> Iterator[InvalidInput]:
    """Say where a weight cannot be read, or is zero whatever anybody contributes."""
    try:
        expression = parse_weight(weight)
    except InvalidInput as problem:
        yield problem
        return
    if weigh(expression, dict.fromkeys(FIELDS, 1)) == 0:
        yield _problem(
            "weight_always_zero",
            "pot.weight",
            "该权重恒为零，任何贡献都得不到分配。",
            "This weight is zero whatever anybody contributes.",
        )


def _source_problems(pot: Pot, granted: Collection[str]) -> Iterator[InvalidInput]:
    named = [source.dataset for source in pot.sources]
    if _repeated(named):
        yield _problem(
            "source_repeated",
            "pot.sources",
            "每个数据集在贡献池中只列一次。",
            "The pot names each data set once.",
        )
    for dataset in sorted(set(granted) - set(named)):
        yield _problem(
            "source_missing",
            "pot.sources",
            f"授权的数据集“{dataset}”不在贡献池中，其贡献将得不到分配。",
            f"The licence grants {dataset!r}, but the pot does not name it: its contribution "
            "would earn nothing.",
        )
    for place, dataset in enumerate(named):
        if dataset not in granted:
            yield _problem(
                "source_not_granted",
                f"pot.sources[{place}].dataset",
                "该数据集未在授权中授予，不会有贡献。",
                "The licence does not grant this data set, so it cannot contribute.",
            )


def _payee_problems(scheme: ShareScheme) -> Iterator[InvalidInput]:
    channels: dict[str, str] = {}
    for place, party in scheme.parties():
        if party.payee in RESERVED_PAYEES:
            yield _problem(
                "payee_reserved",
                f"{place}.payee",
                f"“{party.payee}”为系统保留名称，不能作为收款方。",
                f"The name {party.payee!r} is reserved and cannot be a payee.",
            )
        if channels.setdefault(party.payee, party.channel) != party.channel:
            yield _problem(
                "payee_in_two_channels",
                f"{place}.channel",
                "同一收款方在一个方案中只能有一种收款渠道。",
                "A payee takes one channel within a scheme.",
            )


def _organisation_problems(
    scheme: ShareScheme, organisations: Mapping[str, Organisation]
) -> Iterator[InvalidInput]:
    for place, party in scheme.parties():
        payee = organisations.get(party.payee)
        if payee is None:
            yield _problem(
                "organisation_unknown",
                f"{place}.payee",
                "该机构未登记。",
                "No such organisation is registered.",
            )
        elif payee.kind in DEPARTMENTS and party.channel != "treasury":
            yield _problem(
                "department_paid_outside_treasury",
                f"{place}.channel",
                "政府部门的收益须缴入国库。",
                "A government department's share goes to the treasury in its name.",
            )


def _repeated(names: Iterator[str] | Collection[str]) -> bool:
    return any(count > 1 for count in Counter(names).values())


def _problem(code: str, field: str, zh: str, en: str) -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=f"$.scheme.{field}", rule=RULE)
