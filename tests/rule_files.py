"""The packaged rules with a few lines changed, as a directory that a platform can be built with."""

import shutil
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import get_args

from policies.load import SECTIONS
from policies.schema.catalog import CatalogRules
from policies.schema.exchange import ExchangeRules
from policies.schema.privacy import SlotClass

SHORT_SLOT_MILLISECONDS = 800
"""Long enough for a small city on a busy machine, short enough to ask many questions."""


def changed_rules(directory: Path, changes: Mapping[str, Mapping[str, str]]) -> Path:
    """Copy the packaged rules and change lines by their key: file, key, the value written there.

    A key that stands in no line is an error, so that a renamed rule cannot leave a test idle.
    """
    for section in SECTIONS:
        shutil.copytree(Path(str(files("policies"))) / section, directory / section)
    for path, values in changes.items():
        file = directory / path
        lines = file.read_text(encoding="utf-8").splitlines()
        for key, value in values.items():
            found = [place for place, line in enumerate(lines) if line.startswith(f"{key} = ")]
            assert found, f"{path} has no {key}"
            for place in found:
                lines[place] = f"{key} = {value}"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return directory


def one_slot(milliseconds: int) -> dict[str, str]:
    """Give every class of plans the same slot."""
    return dict.fromkeys(get_args(SlotClass), str(milliseconds))


def generous(directory: Path, milliseconds: int = SHORT_SLOT_MILLISECONDS) -> Path:
    """Return rules under which a question may lose so much that its answer lies near the truth.

    Every refusal is logged, however many a test asks for in a minute.
    """
    caps = dict.fromkeys(("L1", "L2", "L3", "L4"), '"9"')
    wide = {
        "population_lifetime_nano_rho_max": "10_000_000_000",
        "opening_nano_rho": "10_000_000_000",
        "ceiling_nano_rho": "10_000_000_000",
    }
    return changed_rules(
        directory,
        {
            "privacy/national.toml": caps | wide | one_slot(milliseconds),
            "gate/national.toml": {"refusals_logged_per_minute_max": "1000"},
            "licences/national.toml": {"budget_nano_rho_max": "10_000_000_000"},
        },
    )


def exchange_rules() -> ExchangeRules:
    """Return the packaged rules of spreadsheets and exports, without the rest of the pack."""
    return ExchangeRules.model_validate(_packaged("exchange"))


def catalog_rules() -> CatalogRules:
    """Return the packaged rules of the catalogue, without the rest of the pack."""
    return CatalogRules.model_validate(_packaged("catalog"))


def _packaged(section: str) -> dict[str, object]:
    path = Path(str(files("policies"))) / section / "national.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
