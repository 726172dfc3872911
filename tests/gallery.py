"""The worked questions of the example notebooks, and a city that holds the examples' own data."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.declarations import check_declaration
from catalog.populations import PopulationDeclaration, approve_population, declare_population
from catalog.registration import register_dataset
from disclosure.twins.shelf import TwinShelf, TwinWanted
from examples.demo.licence_step import licence_document
from policies.load import load_policies
from policies.schema.masks import MaskRules
from policies.schema.twins import TwinRules
from tests.catalogue import SYSTEM, publish_entry
from tests.city import (
    AGREEMENTS,
    PROVIDER,
    City,
    _register_people,
    _sign_agreement,
    catalogue_entry,
    licence_json,
    opened_city,
)
from tests.parts import EXAMPLE_DATA, REPOSITORY

NOTEBOOKS = REPOSITORY / "examples" / "notebooks"
DECLARATIONS = REPOSITORY / "examples" / "declarations"
ROWS = 30_000
_MAGIC = re.compile(r"^%%sandgate (\w+)\n(.+)", re.DOTALL)
_QUOTED = re.compile(r'"""\s*(SELECT.+?)"""', re.DOTALL)
_CALLED = re.compile(r'sandgate\.sql\("(SELECT [^"]+)"\)')


def gallery_questions() -> dict[str, str]:
    """Return every question that the example notebooks ask, those to be refused too, by name."""
    found: dict[str, str] = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
            source = "".join(cell["source"]) if cell["cell_type"] == "code" else ""
            magic = _MAGIC.match(source)
            asked = [magic.group(2)] if magic else _QUOTED.findall(source) + _CALLED.findall(source)
            for place, sql in enumerate(asked):
                found[f"{path.stem}/{number}.{place}"] = sql.strip()
    return found


def example_rows(document: dict[str, Any]) -> pa.Table:
    """Return the first rows of a data set's example file."""
    return pq.read_table(EXAMPLE_DATA / document["file"]).slice(0, ROWS)


def made_rows(document: dict[str, Any]) -> pa.Table:
    """Return rows for a machine without the examples' files: no question's end depends on them."""
    declaration = check_declaration(document["dataset"])
    pack = load_policies()
    shelf = TwinShelf(pack.rules(TwinRules), pack.rules(MaskRules))
    twin = shelf.of([TwinWanted(declaration)])[declaration.name]
    return twin.rows.select([column.name for column in declaration.columns])


@contextmanager
def gallery_city(
    home: Path, rows: Callable[[dict[str, Any]], pa.Table] = example_rows
) -> Iterator[City]:
    """Build a city of the examples' declarations, some rows of each, and the demo's licence."""
    documents = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(DECLARATIONS.glob("*.json"))
    ]
    with opened_city(home) as city:
        _register_people(city.platform, {})
        for document in documents:
            _register(city, document, rows(document))
        for operator, number in AGREEMENTS.items():
            _sign_agreement(city, operator, number)
        terms = {name: licence_document()[name] for name in ("grants", "budgets")}
        city.licence = city.grant(licence_json(**terms))
        yield city


def _register(city: City, document: dict[str, Any], rows: pa.Table) -> None:
    platform, steward = city.platform, city.actor("steward")
    told = document.get("population")
    if told is not None:
        declaration = PopulationDeclaration.model_validate(told)
        declare_population(platform.writer, city.actor("founder"), declaration)
        approve_population(platform.writer, city.actor("approver"), declaration.name)
    dataset = document["dataset"]
    publish_entry(platform, catalogue_entry(dataset, SYSTEM), PROVIDER, city.actor)
    register_dataset(platform.writer, steward, dataset)
    path = city.home / f"{dataset['name']}.parquet"
    pq.write_table(rows, path)
    try:
        platform.publisher.publish(steward, dataset["name"], path, path.name)
    finally:
        path.unlink()
