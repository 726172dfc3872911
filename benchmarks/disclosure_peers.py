"""Our private answer against those of the peers, on the same delivered rows, in processor time.

COUNT and SUM (clamped to 0–200) by 50 regions; four regions a person and four rows in each, or the
nearest bound that the peer knows. Ours is the confined worker's run and the shaping, warm, the
median of nine; each peer's is its own warm answer in an environment of its own.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb

from benchmarks import disclosure
from benchmarks.peer_environments import ask
from benchmarks.processor_time import cost_of
from benchmarks.public_queries import Skipped
from benchmarks.sales import deliver

ROWS = 10_000_000
TUMULT_ROWS = 1_000_000
RUNS = 9
ROADS = ("declared", "ranked", "unranked")

# figure -> peer, its rows, its road, and the most that each of our roads may be of it
FIGURES: Mapping[str, tuple[str, int, str, Mapping[str, float]]] = {
    "dp_vs_smartnoise": (
        "smartnoise",
        ROWS,
        "truncating",
        {"declared": 1 / 300, "ranked": 1 / 50, "unranked": 1 / 2},
    ),
    "dp_vs_opendp_polars": ("opendp_polars", ROWS, "truncating", {"declared": 1 / 100}),
    "dp_vs_opendp_polars_pre_truncated": (
        "opendp_polars",
        ROWS,
        "pre_truncated",
        {"declared": 1 / 30},
    ),
    "dp_vs_tumult_1m": ("tumult", TUMULT_ROWS, "truncating", {"declared": 1 / 300}),
}


def export(rows: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the delivered rows where a peer can read them."""
    columns = "person, region, CAST(amount AS DOUBLE) AS amount"  # OpenDP-Polars reads no decimals
    rows.execute(f"COPY (SELECT {columns} FROM sales) TO '{path}' (FORMAT parquet)")


def ours(answers: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median processor seconds of each road's answer, roads in turn."""
    found: dict[str, list[float]] = {road: [] for road in answers}
    for answer in answers.values():
        answer()
    for _ in range(RUNS):
        for road, answer in answers.items():
            found[road].append(cost_of(answer))
    return {road: statistics.median(seconds) for road, seconds in found.items()}


def line(
    figure: str, road: str, own: float, theirs: float, limit: float, peer: str
) -> dict[str, object]:
    """Return one figure's line."""
    ratio = own / theirs
    name = figure if road == "declared" else f"{figure}_{road}"
    return {
        "figure": name,
        "value": round(ratio, 6),
        "unit": "ratio",
        "limit": f"<={limit:.6f}",
        "ok": ratio <= limit,
        "against": f"{peer}, processor time {theirs:.2f} s; ours {own:.4f} s",
        "runs": RUNS,
    }


def main() -> int:
    """Print one JSON line for each figure; return 1 where one misses its limit."""
    good = True
    with tempfile.TemporaryDirectory() as directory:
        told: dict[tuple[str, int], dict[str, float]] = {}
        for rows in (TUMULT_ROWS, ROWS):
            wanted = {name: item for name, item in FIGURES.items() if item[1] == rows}
            delivered = deliver(rows)
            path = Path(directory) / f"sales-{rows}.parquet"
            export(delivered, path)
            with disclosure.roads_opened(delivered) as answers:
                own = ours(answers)
            delivered.close()
            for figure, (peer, _, their_road, limits) in wanted.items():
                try:
                    theirs = told.get((peer, rows)) or ask(peer, str(path))
                except Skipped as skipped:
                    print(json.dumps({"figure": figure, "skipped": str(skipped)}), flush=True)
                    continue
                told[peer, rows] = theirs
                for road, limit in limits.items():
                    said = line(figure, road, own[road], theirs[their_road], limit, peer)
                    print(json.dumps(said), flush=True)
                    good = good and bool(said["ok"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
