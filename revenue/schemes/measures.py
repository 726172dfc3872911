"""What of a period counts as a source's contribution, each thing once.

Only billed outcomes contribute at all (``revenue/metering.py``). Among those a question counts once
per licence and period, however often, in however many versions of the data it was asked; a column
counts once; rows count once per question and only up to the size that was approved for the source.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from authorization.scheme_terms import Pot
from authorization.weights import parse_weight, weigh


@dataclass(frozen=True)
class Contribution:
    """What one data set gave to one outcome. ``outcome_key`` is equal for the same question."""

    dataset: str
    columns: tuple[str, ...]
    rows: int
    outcome_key: str


@dataclass(frozen=True)
class Measured:
    """What counts of one source in a period: distinct questions, distinct columns, capped rows."""

    calls: int = 0
    columns: int = 0
    rows: int = 0


def measure(
    contributions: Iterable[Contribution], approved_rows: Mapping[str, int]
) -> dict[str, Measured]:
    """Return what counts of each source; what was not approved as a source counts nothing.

    Answers to one question may differ in rows where the data's version changed: the smallest
    counts, so that neither a padded new version nor the order of questions moves anything.
    """
    columns: dict[str, set[str]] = {dataset: set() for dataset in approved_rows}
    rows: dict[str, dict[str, int]] = {dataset: {} for dataset in approved_rows}
    for one in contributions:
        if one.dataset in approved_rows:
            columns[one.dataset].update(one.columns)
            asked = rows[one.dataset]
            asked[one.outcome_key] = min(one.rows, asked.get(one.outcome_key, one.rows))
    return {
        dataset: Measured(
            calls=len(rows[dataset]),
            columns=len(columns[dataset]),
            rows=min(sum(rows[dataset].values()), most),
        )
        for dataset, most in approved_rows.items()
    }


def weights_of(pot: Pot, measured: Mapping[str, Measured]) -> dict[str, int]:
    """Return the weight of each source by the pot's expression; without a call it is zero."""
    expression = parse_weight(pot.weight)
    weights: dict[str, int] = {}
    for source in pot.sources:
        found = measured.get(source.dataset, Measured())
        figures = {
            "calls": found.calls,
            "columns": found.columns,
            "rows": found.rows,
            "approved_rows": source.approved_rows,
            "quality_ppm": source.quality_ppm,
        }
        weights[source.dataset] = weigh(expression, figures) if found.calls else 0
    return weights
