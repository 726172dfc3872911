"""How a mask goes over an Arrow array: whole columns at once, each distinct value once."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


def dropped(values: pa.Array) -> pa.Array:
    """Return as many NULLs of the same type."""
    return pa.nulls(len(values), values.type)


def kept_where(values: pa.Array, condition: pa.Array) -> pa.Array:
    """Return the values where a condition holds, NULL elsewhere."""
    return pc.if_else(condition, values, pa.scalar(None, values.type))


def each_value(values: pa.Array, shown: Callable[[Any], Any], kind: pa.DataType) -> pa.Array:
    """Map each distinct value by a total function; NULL stays NULL."""
    encoded = values.dictionary_encode()
    mapped = [shown(value) for value in encoded.dictionary.to_pylist()]
    return pa.array(mapped, kind).take(encoded.indices)
