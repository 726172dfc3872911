"""Bars with error bars as a Vega-Lite chart that JupyterLab draws by itself.

Dates and numbers stand in their own order, bins as a histogram, words in the order asked, or the
tallest first where they are many.

JupyterLab carries Vega-Lite 5: the output names that media type, holds its data inline, runs its
expressions through the interpreter (no ``eval``) and offers no link to an outside editor.
"""

import datetime as dt
import importlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sandgate import labels
from sandgate.language import pick

MEDIA_TYPE = "application/vnd.vegalite.v5+json"
SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
BARS_MAX = 2_000
UPRIGHT_MAX = 12
ORDERED_UPRIGHT_MAX = 60
FLAT_LABEL_MAX = 5
WIDE_STEP, NARROW_STEP = 44, 15
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
    drawing = _drawing(table, keys, value, intervals.get(value))
    return _chart(_altair(), drawing, (" · ".join(keys), value))


def spans(
    table: pa.Table, value: str, ends: tuple[str, str]
) -> list[tuple[float, float, float] | None] | None:
    """Return value, low and high of each row as shares of the largest; None for no such picture.

    Bars begin at nought: figures that are below it, or all nought, have none. A row without a
    value has no bar.
    """
    rows = [[row[name] for name in (value, *ends)] for row in table.to_pylist()]
    known = [[float(item) for item in row] for row in rows if None not in row]
    most = max((max(row) for row in known), default=0.0)
    if most <= 0 or any(row[0] < 0 for row in known):
        return None
    return [None if None in row else _shares(row, most) for row in rows]


def _shares(row: list[Any], most: float) -> tuple[float, float, float]:
    return float(row[0]) / most, float(row[1]) / most, float(row[2]) / most


@dataclass(frozen=True)
class _Drawing:
    """The bars in the order drawn; ``is_histogram`` lets bars of adjoining bins touch."""

    records: list[dict[str, Any]]
    has_ends: bool
    is_upright: bool
    is_histogram: bool


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


def _drawing(
    table: pa.Table, keys: list[str], value: str, ends: tuple[str, str] | None
) -> _Drawing:
    """Name the fields ourselves: an alias may hold letters that mean something to Vega."""
    found = table.to_pylist()
    ordered = len(keys) == 1 and _is_ordered(table.schema.field(keys[0]).type)
    if ordered:
        found.sort(key=lambda row: labels.order(row[keys[0]]))
    columns = [[_plain(row[key]) for row in found] for key in keys]
    written = [labels.written(column) for column in columns]
    records = []
    for place, row in enumerate(found):
        record = {
            "key": " · ".join(column[place] for column in written),
            "value": _json(row[value]),
        }
        if ends:
            record |= {"low": _json(row[ends[0]]), "high": _json(row[ends[1]])}
        records.append(record)
    upright = len(records) <= (ORDERED_UPRIGHT_MAX if ordered else UPRIGHT_MAX)
    if not ordered and not upright:  # few stand in the order asked
        records.sort(key=lambda record: -(record["value"] or 0))
    known = [item for item in columns[0] if item is not None] if ordered else [""]
    return _Drawing(records, ends is not None, upright, labels.bin_width(known) is not None)


def _chart(alt: Any, drawing: _Drawing, titles: tuple[str, str]) -> Any:
    base = alt.Chart(alt.Data(values=drawing.records))
    order = [record["key"] for record in drawing.records]
    upright, has_ends = drawing.is_upright, drawing.has_ends
    place, size, end = (alt.X, alt.Y, alt.Y2) if upright else (alt.Y, alt.X, alt.X2)
    names = ("x", "y", "y2") if upright else ("y", "x", "x2")
    axis = {"labelAngle": 0 if max(map(len, order), default=0) <= FLAT_LABEL_MAX else -40}
    padding = {"scale": alt.Scale(paddingInner=0.04)} if drawing.is_histogram else {}
    key = place(
        "key",
        type="nominal",
        sort=order,
        title=titles[0],
        axis=axis if upright else {},
        **padding,
    )
    amount = size("value", type="quantitative", title=titles[1])
    shown = [alt.Tooltip("key", type="nominal", title=titles[0])]
    shown += [alt.Tooltip(name, type="quantitative") for name in _drawn(has_ends)]
    layer = base.mark_bar(color=BAR).encode(**{names[0]: key, names[1]: amount}, tooltip=shown)
    if has_ends:
        low = size("low", type="quantitative", title=titles[1])
        errors = base.mark_errorbar(ticks=True, color=LINE, thickness=1.5)
        layer = layer + errors.encode(**{names[0]: key, names[1]: low, names[2]: end("high")})
    wide = WIDE_STEP if len(order) <= UPRIGHT_MAX else NARROW_STEP
    step = alt.Step(wide if upright else NARROW_STEP)
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


def _plain(value: Any) -> Any:
    """Bring a key to what is written: midnight of a day is the day, a whole number is one."""
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _is_ordered(kind: pa.DataType) -> bool:
    return is_number(kind) or bool(pa.types.is_temporal(kind))


def is_number(kind: pa.DataType) -> bool:
    """Tell whether a column of this type can be drawn and aligned as numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )
