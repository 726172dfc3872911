"""What a history rule file may say: how narrow what two statistics leave between them may be."""

from pydantic import Field

from policies.schema import RuleFile


class HistoryRules(RuleFile):
    """One history rule file.

    ``…_cells_max`` count combinations of declared values: what spans less than one cell in so
    many is refused. ``…_values`` are the numbers of values that a column counts as where its
    declaration gives none. The others bound what is remembered and compared for one question.
    """

    difference_cells_max: int = Field(ge=10, le=10**12)
    single_cells_max: int = Field(ge=10, le=10**12)
    undeclared_values: int = Field(ge=2, le=10**6)
    direct_identifier_values: int = Field(ge=2, le=10**12)
    sets_per_question_max: int = Field(ge=1, le=1_000)
    parts_per_set_max: int = Field(ge=1, le=200)
    candidates_max: int = Field(ge=10, le=100_000)
