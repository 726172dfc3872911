"""One JSON line a figure, so that every benchmark says its bar and whether it is met."""

import json


def show(
    figure: str,
    value: float,
    unit: str,
    limit: str,
    *,
    met: bool,
    against: str,
    runs: int,
    **more: object,
) -> bool:
    """Print one figure; return whether its bar is met."""
    line = {
        "figure": figure,
        "value": value,
        "unit": unit,
        "limit": limit,
        "ok": met,
        "against": against,
        "runs": runs,
    }
    print(json.dumps(line | more), flush=True)
    return met


def show_skipped(figure: str, reason: str) -> None:
    """Print that a figure could not be taken here, and why; it is never counted as met."""
    print(json.dumps({"figure": figure, "skipped": reason}), flush=True)
