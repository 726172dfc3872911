"""The picture of what privacy costs: private beside exact, and beneath it how far they differ.

On counts of thousands the two bars look alike, which is the point of the upper panel; the lower
one shows the difference at its own scale, with the interval that the operator was given.
"""

from typing import Any

GROUPS_MAX = 16
SHORT_KEY_CHARACTERS = 3
PRIVATE, EXACT, INTERVAL = "#1d5d8f", "#c9a24b", "#14202b"
BAR_STEP = 20
WORDS = {
    "zh": {"private": "差分隐私答案", "exact": "精确值", "off": "与精确值之差"},
    "en": {"private": "Private answer", "exact": "Exact", "off": "Private − exact"},
}


def comparison_spec(comparison: dict[str, Any], language: str) -> dict[str, Any]:
    """Return a Vega-Lite spec of the largest groups in two panels over one axis."""
    words = WORDS[language]
    largest = sorted(comparison["rows"], key=lambda row: -(row["private"] or 0))[:GROUPS_MAX]
    order = [str(row["key"]) for row in largest]
    label = comparison["label"]
    title = label[language] if isinstance(label, dict) else label
    return {
        "vconcat": [
            _beside(largest, order, title, words),
            _difference(largest, order, comparison["key_column"], words),
        ],
        "spacing": 12,
    }


def _key(order: list[str], title: str | None) -> dict[str, Any]:
    is_short = max(map(len, order), default=0) <= SHORT_KEY_CHARACTERS
    axis = {"labelAngle": 0 if is_short else -35, "ticks": False}
    return {"field": "key", "type": "nominal", "sort": order, "title": title, "axis": axis}


def _beside(
    rows: list[dict[str, Any]], order: list[str], title: str, words: dict[str, str]
) -> dict[str, Any]:
    kinds = [words["private"], words["exact"]]
    values = [
        {"key": str(row["key"]), "kind": kind, "value": row[name]}
        for row in rows
        for kind, name in zip(kinds, ("private", "exact"), strict=True)
    ]
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": kinds, "range": [PRIVATE, EXACT]},
        "legend": {"orient": "top", "title": None},
    }
    return {
        "data": {"values": values},
        "width": {"step": BAR_STEP},
        "height": 240,
        "mark": "bar",
        "encoding": {
            "x": _key(order, None),
            "xOffset": {"field": "kind", "type": "nominal", "sort": kinds},
            "y": {"field": "value", "type": "quantitative", "title": title},
            "color": colour,
        },
    }


def _difference(
    rows: list[dict[str, Any]], order: list[str], key_title: str, words: dict[str, str]
) -> dict[str, Any]:
    values = [
        {
            "key": str(row["key"]),
            "off": row["private"] - row["exact"],
            "low": row["low"] - row["exact"],
            "high": row["high"] - row["exact"],
        }
        for row in rows
        if None not in {row["private"], row["exact"], row["low"], row["high"]}
    ]
    key = _key(order, key_title)
    low = {"field": "low", "type": "quantitative", "title": words["off"]}
    return {
        "data": {"values": values},
        "width": {"step": 2 * BAR_STEP * 1.25},
        "height": 130,
        "layer": [
            {
                "mark": {"type": "rule", "color": EXACT, "strokeWidth": 2},
                "encoding": {"y": {"datum": 0}},
            },
            {
                "mark": {"type": "rule", "color": INTERVAL, "strokeWidth": 2},
                "encoding": {"x": key, "y": low, "y2": {"field": "high"}},
            },
            {
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 60,
                    "color": PRIVATE,
                    "opacity": 1,
                },
                "encoding": {"x": key, "y": {"field": "off", "type": "quantitative"}},
            },
        ],
    }
