"""What a twin rule file may say: how large the synthetic twin of a data set is, and how it is kept.

Every size is chosen here and none follows from data: the twin of a data set of ten rows has as
many as that of ten million.
"""

from pydantic import Field

from policies.schema import RuleFile


class TwinRules(RuleFile):
    """One twin rule file.

    ``units_max`` people or organisations stand in each population's twins, with up to
    ``unit_rows_max`` rows in each data set, and ``rows_max`` rows in all; ``key_rows_max`` bounds
    open data with a unique key. A text without declared values takes ``text_values_max`` of them,
    so that thresholds are passed; ``missing_ppm`` of a nullable column's values are missing.
    ``told_subjects_max`` of a twin's units are named to those who try verification.
    ``kept_licences_max`` licences' twins stay in memory. With ``charged_figures`` declared values
    come as often as the licence's own private answers counted them, noise and all.
    """

    units_max: int = Field(ge=10, le=10_000)
    unit_rows_max: int = Field(ge=1, le=10)
    rows_max: int = Field(ge=10, le=20_000)
    key_rows_max: int = Field(ge=1, le=20_000)
    text_values_max: int = Field(ge=1, le=1_000)
    missing_ppm: int = Field(ge=0, le=1_000_000)
    told_subjects_max: int = Field(ge=1, le=20)
    kept_licences_max: int = Field(ge=1, le=1_000)
    charged_figures: bool
