"""SmartNoise SQL asked COUNT and SUM by region, at most four rows a person: one JSON line."""

import json
import sys
import warnings
from typing import Any

import pandas as pd
import snsql

from benchmarks.processor_time import median_cost_of

RUNS = 2


def main(path: str) -> None:
    """Ask, and print the processor seconds of one answer."""
    warnings.simplefilter("ignore")
    rows = pd.read_parquet(path, columns=["person", "region", "amount"])
    rows["amount"] = rows["amount"].astype(float)
    columns: dict[str, Any] = {
        "row_privacy": False,
        "max_ids": 4,
        "rows": len(rows),
        "censor_dims": False,
        "person": {"type": "int", "private_id": True},
        "region": {"type": "string"},
        "amount": {"type": "float", "lower": 0.0, "upper": 200.0},
    }
    metadata = {"": {"public": {"sales": columns}}}
    privacy = snsql.Privacy(epsilon=1.0, delta=1e-6)
    reader = snsql.from_df(rows, privacy=privacy, metadata=metadata)
    sql = "SELECT region, COUNT(*) AS n, SUM(amount) AS total FROM public.sales GROUP BY region"
    print(json.dumps({"truncating": median_cost_of(lambda: reader.execute(sql), RUNS)}))


if __name__ == "__main__":
    main(sys.argv[1])
