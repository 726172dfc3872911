"""What a table rule file may say: how large a table for release is, how near two may come."""

from pydantic import Field

from policies.schema import RuleFile


class TableRules(RuleFile):
    """One table rule file.

    ``difference_people_min`` is how many people, at least, must tell two published figures apart,
    on one side or the other; so many must stand behind any sum or difference of published figures.
    ``register_figures_max`` bounds what one table is compared with; beyond it nothing is released.
    ``row_space_figures_max``, ``row_space_trials`` and ``row_space_packs_max`` bound the search
    through all combinations: so many figures at a time, in so many orders, so many times.
    A table is attacked by linear programming together with the ``joint_tables_max`` nearest of the
    earlier tables; nothing new is shown of what hangs together with others. Among tables of up to
    ``joint_cells_max`` inner cells in all, every linear relation is found; beyond, equal groups.
    """

    keys_max: int = Field(ge=0, le=4)
    figures_max: int = Field(ge=1, le=20)
    categories_max: int = Field(ge=2, le=5_000)
    cells_max: int = Field(ge=2, le=100_000)
    seconds_max: int = Field(ge=1, le=3_600)
    difference_people_min: int = Field(ge=2, le=120)
    register_figures_max: int = Field(ge=100, le=1_000_000)
    row_space_figures_max: int = Field(ge=2, le=200)
    row_space_trials: int = Field(ge=1, le=64)
    row_space_packs_max: int = Field(ge=1, le=1_000)
    suppression_rounds_max: int = Field(ge=1, le=100)
    joint_tables_max: int = Field(ge=1, le=200)
    joint_cells_max: int = Field(ge=2, le=480)
    average_decimals: int = Field(ge=0, le=6)
    previews_per_day_max: int = Field(ge=1, le=1_000)
