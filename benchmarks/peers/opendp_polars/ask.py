"""OpenDP with Polars asked COUNT and SUM by region: one JSON line.

``truncating`` cuts each person to 16 rows while it answers (cutting to groups fails in 0.16:
"multiple fields with name"); ``pre_truncated`` is told that the rows are cut already.
"""

import json
import sys
import warnings
from typing import Any

import opendp.prelude as dp
import polars as pl

from benchmarks.processor_time import median_cost_of

RUNS = 3
GROUPS = 50
ROWS_PER_PERSON_MAX = 16


def ask(path: str, *, truncating: bool) -> Any:
    """Answer once, scan and all."""
    if truncating:
        unit = dp.unit_of(contributions=1, identifier="person")
    else:
        unit = dp.unit_of(contributions=ROWS_PER_PERSON_MAX)
    margin = dp.polars.Margin(by=["region"], max_length=10_000_000, max_groups=GROUPS)
    context = dp.Context.compositor(
        data=pl.scan_parquet(path),
        privacy_unit=unit,
        privacy_loss=dp.loss_of(rho=0.005),
        split_evenly_over=1,
        margins=[margin],
    )
    query = context.query()
    if truncating:
        query = query.truncate_per_group(ROWS_PER_PERSON_MAX)
    amount = pl.col("amount").cast(pl.Float64).fill_null(0.0).fill_nan(0.0)
    keys = pl.LazyFrame({"region": [f"region-{i:02d}" for i in range(GROUPS)]})
    figures = (dp.len(signed=True), amount.dp.sum((0.0, 200.0)))
    return query.group_by("region").agg(*figures).with_keys(keys).release().collect()


def main(path: str) -> None:
    """Ask, and print the processor seconds of one answer on each road."""
    warnings.simplefilter("ignore")
    dp.enable_features("contrib")
    told = {
        "truncating": median_cost_of(lambda: ask(path, truncating=True), RUNS),
        "pre_truncated": median_cost_of(lambda: ask(path, truncating=False), RUNS),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
