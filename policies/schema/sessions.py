"""What a session rule file may say: when a notebook must be reviewed, and how long things take."""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile

DAY_SECONDS = 86_400


class SessionRules(RuleFile):
    """One session rule file.

    From ``production_needs_review_from_grade`` on, a licence is used on real data by reviewed
    notebooks only. The warnings come so many seconds before the idle stop and the wall limit.
    On a full host a person's place in the queue is kept for ``place_kept_seconds`` after they
    asked, and they are told to ask again after ``ask_again_seconds``.
    """

    production_needs_review_from_grade: Literal["L1", "L2", "L3", "L4"]
    review_valid_days: int = Field(ge=1, le=1_100)
    notebook_bytes_max: int = Field(ge=1, le=64 << 20)
    notebook_cells_max: int = Field(ge=1, le=10_000)
    idle_warning_seconds: int = Field(ge=1, le=DAY_SECONDS)
    wall_warning_seconds: int = Field(ge=1, le=DAY_SECONDS)
    home_saved_bytes_max: int = Field(ge=1 << 10, le=1 << 30)
    home_seconds_max: int = Field(ge=1, le=60)
    home_every_seconds: int = Field(ge=10, le=DAY_SECONDS)
    run_wall_seconds_max: int = Field(ge=1, le=7 * DAY_SECONDS)
    run_cell_seconds_max: int = Field(ge=1, le=7 * DAY_SECONDS)
    runs_at_once_max: int = Field(ge=1, le=64)
    place_kept_seconds: int = Field(ge=10, le=3_600)
    ask_again_seconds: int = Field(ge=1, le=600)
