"""Texts of few values stand as codes while an extract is built: moving and writing them is cheap.

The codes are those of all values in their own order, so no trace of the stored order, of batches
or of partitions stays in a file. What is coded has been masked and filtered before.
"""

import pyarrow as pa
import pyarrow.compute as pc

from disclosure.extracts.order import repeats

ROWS_A_VALUE_MIN = 8
SHORT_ROWS = 1_024  # a batch as short decides nothing: the others do
VALUES_MAX = 65_536  # of one column; with more it is text again


def coded(column: pa.Array) -> pa.Array:
    """Return a text of few values as a dictionary of its own, and any other column as it is."""
    if not pa.types.is_string(column.type):
        return column
    if len(column) <= SHORT_ROWS:
        return column.dictionary_encode()
    if not repeats(column):
        return column
    found = column.dictionary_encode()
    return found if len(found.dictionary) * ROWS_A_VALUE_MIN <= len(found) else column


class Codes:
    """Collects which columns were coded in every batch, and their values."""

    def __init__(self) -> None:
        """Start with no column."""
        self._values: dict[str, pa.Array] = {}
        self._plain: set[str] = set()

    def note(self, batch: pa.RecordBatch) -> None:
        """Take the values of one batch, whose columns ``coded`` gave; in any order of batches."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if name in self._plain:
                continue
            if not pa.types.is_dictionary(column.type):
                self._plain.add(name)
                continue
            known = self._values.get(name)
            parts = [column.dictionary] if known is None else [known, column.dictionary]
            self._values[name] = pc.unique(pa.concat_arrays(parts))
            if len(self._values[name]) > VALUES_MAX:
                self._plain.add(name)

    def settle(self) -> None:
        """Put the values in order, once all batches are noted."""
        self._values = {
            name: values.take(pc.sort_indices(values))
            for name, values in self._values.items()
            if name not in self._plain
        }

    def kind(self, name: str, kind: pa.DataType) -> pa.DataType:
        """Return how a column of some type is written."""
        return pa.dictionary(pa.int32(), kind) if name in self._values else kind

    def written(self, name: str, column: pa.Array) -> pa.Array:
        """Return a column's rows under the settled codes, or as text where it has none."""
        values = self._values.get(name)
        coded_here = pa.types.is_dictionary(column.type)
        if values is None:
            return column.dictionary_decode() if coded_here else column
        if not coded_here:
            return pa.DictionaryArray.from_arrays(pc.index_in(column, values), values)
        places = pc.index_in(column.dictionary, values)
        return pa.DictionaryArray.from_arrays(places.take(column.indices), values)
