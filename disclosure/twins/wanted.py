"""Collects what a licence's twins are made from: declarations, filters, what its extracts show.

Everything here is registered metadata, the signed licence, and private answers that it was charged
for: of a version not even its size, and of an extract its plan, never its rows.
"""

from collections.abc import Mapping

from sqlalchemy import Connection

from disclosure.extract_records import extract_plan
from disclosure.granted import GrantedDataset
from disclosure.twins.figures import charged_weights
from disclosure.twins.shelf import TwinWanted
from policies.schema.twins import TwinRules


def twins_wanted(
    connection: Connection, licence: str, granted: Mapping[str, GrantedDataset], rules: TwinRules
) -> list[TwinWanted]:
    """Return the order of each granted data set's twin, by name."""
    return [
        _wanted(connection, licence, item, charged=rules.charged_figures)
        for _, item in sorted(granted.items())
    ]


def _wanted(
    connection: Connection, licence: str, item: GrantedDataset, *, charged: bool
) -> TwinWanted:
    declaration, extract = item.dataset.declaration, item.extract
    return TwinWanted(
        declaration=declaration,
        forced=item.forced_values,
        plan=None if extract is None else extract_plan(connection, extract.digest),
        weights=charged_weights(connection, licence, declaration) if charged else {},
    )
