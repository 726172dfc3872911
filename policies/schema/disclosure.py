"""What a disclosure rule file may say: what the release desk asks of a result before it leaves.

A grade's terms, and a licence's, are only ever stricter: the strictest of all of them decides.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

Mode = Literal["aggregate", "rows"]
Format = Literal["csv", "parquet", "png", "json", "md"]
Grade = Literal["L1", "L2", "L3", "L4"]


class Appetite(Rules):
    """How much less than the rule file a grade or a licence lets out; what is absent adds nothing.

    ``contributors_min`` counts privacy units; rows, columns and bytes are per file.
    """

    contributors_min: int | None = Field(default=None, ge=1, le=10_000)
    released_modes: tuple[Mode, ...] | None = None
    file_formats: tuple[Format, ...] | None = None
    rows_max: int | None = Field(default=None, ge=1, le=1_000_000)
    columns_max: int | None = Field(default=None, ge=1, le=500)
    bytes_max: int | None = Field(default=None, ge=1, le=1 << 30)
    files_max: int | None = Field(default=None, ge=1, le=100)
    votes_min: int | None = Field(default=None, ge=2, le=9)


class AutomaticRules(Rules):
    """When a low-risk result may leave without votes.

    Off unless ``enabled``; then only under a licence whose own terms say so, for reproducible
    files that pass every check, of these grades at most, and never for one drawn into the sample
    (``sample_ppm``, parts per million), which goes to the checkers like any other.
    """

    enabled: bool = False
    grades: tuple[Grade, ...] = ()
    sample_ppm: int = Field(default=1_000_000, ge=10_000, le=1_000_000)


class DisclosureRules(RuleFile):
    """One disclosure rule file.

    ``contributors_min`` counts privacy units, not rows. ``released_modes`` names the answers
    that may be released at all; ``votes_min`` is how many people must approve, all of them.
    ``never_excepted`` names the checks that no officer can let pass. A result that was sent back or
    refused ``decided_against_max`` times under a licence is not taken again.
    """

    contributors_min: int = Field(ge=1, le=10_000)
    released_modes: tuple[Mode, ...] = Field(min_length=1)
    rows_max: int = Field(ge=1, le=1_000_000)
    columns_max: int = Field(ge=1, le=500)
    bytes_max: int = Field(ge=1, le=1 << 30)
    text_characters_max: int = Field(ge=1, le=10_000)
    header_characters_max: int = Field(ge=1, le=200)
    title_characters_max: int = Field(ge=1, le=200)
    file_name_pattern: str = Field(min_length=1, max_length=200)
    file_formats: tuple[Format, ...] = Field(min_length=1)
    files_max: int = Field(ge=1, le=100)
    votes_min: int = Field(ge=2, le=9)
    never_excepted: tuple[str, ...] = Field(min_length=1)
    decided_against_max: int = Field(ge=1, le=1_000)
    requests_open_max: int = Field(ge=1, le=100_000)
    grades: Mapping[Grade, Appetite] = Field(default_factory=dict)
    automatic: AutomaticRules = AutomaticRules()

    def under(self, terms: Iterable[Appetite | None]) -> "DisclosureRules":
        """Return the rules as strict as the strictest of these terms and the file itself."""
        rules = self
        for term in terms:
            if term is not None:
                rules = rules.model_copy(update=_stricter(rules, term))
        return rules

    def thresholds(self) -> dict[str, object]:
        """Return the figures that a certificate names."""
        return {
            "contributors_min": self.contributors_min,
            "released_modes": list(self.released_modes),
            "rows_max": self.rows_max,
            "columns_max": self.columns_max,
            "bytes_max": self.bytes_max,
            "file_formats": list(self.file_formats),
            "files_max": self.files_max,
            "votes_min": self.votes_min,
        }


def _stricter(rules: DisclosureRules, term: Appetite) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, wanted in term:
        if wanted is None:
            continue
        here = getattr(rules, name)
        if isinstance(wanted, tuple):
            found[name] = tuple(item for item in here if item in wanted)
        else:
            found[name] = max(here, wanted) if name.endswith("_min") else min(here, wanted)
    return found
