"""Collects what a licence's twins are made from: declarations, filters, what its extracts show.

Everything here is registered metadata and the signed licence: of a version not even its size, and
of an extract its plan, never its rows.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from disclosure.extract_records import extract_plan
from disclosure.granted import GrantedDataset
from disclosure.twins.shelf import TwinWanted


def twins_wanted(connection: Connection, granted: Mapping[str, GrantedDataset]) -> list[TwinWanted]:
    """Return the order of each granted data set's twin, by name."""
    return [
        TwinWanted(
            declaration=item.dataset.declaration,
            forced=item.forced_values,
            plan=None if item.extract is None else extract_plan(connection, item.extract.digest),
        )
        for _, item in sorted(granted.items())
    ]
