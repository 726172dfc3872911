"""Tumult Analytics asked COUNT and SUM by region on Spark with two threads: one JSON line."""

import json
import sys
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql.functions import col
from tmlt.analytics import (
    AddRowsWithID,
    KeySet,
    MaxGroupsPerID,
    MaxRowsPerGroupPerID,
    QueryBuilder,
    RhoZCDPBudget,
    Session,
)

from benchmarks.processor_time import median_cost_of

RUNS = 1
GROUPS = 50


def main(path: str) -> None:
    """Ask, and print the processor seconds of one answer, warm."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    rows = spark.read.parquet(path).select("person", "region", col("amount").cast("double"))
    rows.cache().count()
    session = (
        Session.Builder()
        .with_privacy_budget(RhoZCDPBudget(float("inf")))
        .with_private_dataframe("sales", rows, protected_change=AddRowsWithID(id_column="person"))
        .build()
    )
    keys = KeySet.from_dict({"region": [f"region-{i:02d}" for i in range(GROUPS)]})
    bounded = (
        QueryBuilder("sales")
        .enforce(MaxGroupsPerID("region", 4))
        .enforce(MaxRowsPerGroupPerID("region", 4))
        .groupby(keys)
    )

    def ask() -> Any:
        budget = RhoZCDPBudget(0.0025)
        counted = session.evaluate(bounded.count(), budget).toPandas()
        summed = session.evaluate(bounded.sum("amount", 0.0, 200.0), budget).toPandas()
        return counted, summed

    print(json.dumps({"truncating": median_cost_of(ask, RUNS)}))


if __name__ == "__main__":
    main(sys.argv[1])
