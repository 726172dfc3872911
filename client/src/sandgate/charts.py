"""Bars with error bars as a Vega-Lite chart that JupyterLab draws by itself.

JupyterLab carries Vega-Lite 5: the output names that media type, holds its data inline, runs its
expressions through the interpreter (no ``eval``) and offers no link to an outside editor.
"""

import datetime as dt
import importlib
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sandgate.language import pick

MEDIA_TYPE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BARS_MAX = 2_000
UPRIGHT_MAX = 12
FLAT_LABEL_MAX = 5
BAR, LINE = "#2b6c99", "#14202b"


def bars(
    table: pa.Table, intervals: dict[str, tuple[str, str]], x: str | None, y: str | None
) -> Any:
    """Return an Altair chart of ``y`` by ``x`` with intervals; many groups stand tallest first."""
    if table.num_rows > BARS_MAX:
        text = pick(f"作图最多 {BARS_MAX} 行", f"a chart holds at most {BARS_MAX} rows")
        raise ValueError(text)
    value = y or _value_column(table, intervals)
    keys = [x] if x else _key_columns(table, intervals, value)
    records = _records(table, keys, value, intervals.get(value))
    title = (" · ".join(keys), value)
    return _chart(_altair(), records, title, has_ends=value in intervals)


def _value_column(table: pa.Table, intervals: dict[str, tuple[str, str]]) -> str:
    if intervals:
        return str(next(name for name in table.column_names if name in intervals))
    for field in reversed(list(table.schema)):
        if is_number(field.type):
            return str(field.name)
    raise ValueError(pick("没有可作图的数值列", "there is no number column to draw"))


def _key_columns(table: pa.Table, intervals: dict[str, tuple[str, str]], value: str) -> list[str]:
    measured = {value, *intervals, *(end for pair in intervals.values() for end in pair)}
    free = [field for field in table.schema if field.name not in measured]
    if intervals:  # of an aggregate, whatever is not measured is a group key
        return [str(field.name) for field in free]
    words = [field for field in free if not is_number(field.type)]
    return [str(field.name) for field in (words or free)[:1]]


def _records(
    table: pa.Table, keys: list[str], value: str, ends: tuple[str, str] | None
) -> list[dict[str, Any]]:
    """Name the fields ourselves: an alias may hold letters that mean something to Vega."""
    rows = []
    for row in table.to_pylist():
        record = {
            "key": " · ".join(str(_json(row[key])) for key in keys),
            "value": _json(row[value]),
        }
        if ends:
            record |= {"low": _json(row[ends[0]]), "high": _json(row[ends[1]])}
        rows.append(record)
    if len(rows) <= UPRIGHT_MAX:
        return rows  # few groups stand in the order asked: an age comes before an older one
    return sorted(rows, key=lambda row: -(row["value"] or 0))


def _chart(alt: Any, records: list[dict[str, Any]], titles: tuple[str, str], has_ends: bool) -> Any:
    base = alt.Chart(alt.Data(values=records))
    order = [record["key"] for record in records]
    upright = len(order) <= UPRIGHT_MAX
    place, size, end = (alt.X, alt.Y, alt.Y2) if upright else (alt.Y, alt.X, alt.X2)
    names = ("x", "y", "y2") if upright else ("y", "x", "x2")
    axis = {"labelAngle": 0 if max(map(len, order), default=0) <= FLAT_LABEL_MAX else -40}
    key = place("key", type="nominal", sort=order, title=titles[0], axis=axis if upright else {})
    amount = size("value", type="quantitative", title=titles[1])
    shown = [alt.Tooltip("key", type="nominal", title=titles[0])]
    shown += [alt.Tooltip(name, type="quantitative") for name in _drawn(has_ends)]
    layer = base.mark_bar(color=BAR).encode(**{names[0]: key, names[1]: amount}, tooltip=shown)
    if has_ends:
        low = size("low", type="quantitative", title=titles[1])
        errors = base.mark_errorbar(ticks=True, color=LINE, thickness=1.5)
        layer = layer + errors.encode(**{names[0]: key, names[1]: low, names[2]: end("high")})
    step = alt.Step(44 if upright else 15)
    across = {"width": step, "height": 280} if upright else {"width": 520, "height": step}
    return layer.properties(**across)


def _drawn(has_ends: bool) -> list[str]:
    return ["value", "low", "high"] if has_ends else ["value"]


def _altair() -> Any:
    """Import Altair once it is wanted, and have it speak JupyterLab's own media type."""
    alt = importlib.import_module("altair")
    alt.renderers.register("sandgate", _render)
    alt.renderers.enable("sandgate")
    return alt


def _render(spec: dict[str, Any], **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    drawn = {**spec, "$schema": SCHEMA}
    options = {"embed_options": {"ast": True, "actions": False}}
    text = pick("图（Vega-Lite）", "Chart (Vega-Lite)")
    return {MEDIA_TYPE: drawn, "text/plain": text}, {MEDIA_TYPE: options}


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column of this type can be drawn and aligned as numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
