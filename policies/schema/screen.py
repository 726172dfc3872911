"""What a screen rule file may say: how much of a session a person may see, and bring into it.

Sizes are bytes, a day is a UTC day, and a *value* is what ``sandbox.screen_values`` counts.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

MEBIBYTE = 1 << 20
MediaType = Annotated[str, Field(pattern=r"^[a-z]+/[a-z0-9.+-]{1,80}$")]
Ending = Annotated[str, Field(pattern=r"^[a-z0-9]{1,10}$")]


class EgressRules(Rules):
    """What one person may see under one licence in one UTC day, over all of their sessions.

    ``steps_per_day`` is in how many parts a day's budget is reserved ahead in the log: a killed
    service counts at most one part too many, and never one too few.
    """

    bytes_per_day_max: int = Field(ge=1, le=1 << 40)
    values_per_day_max: int = Field(ge=1, le=1 << 40)
    steps_per_day: int = Field(ge=1, le=1_000)
    value_bytes: int = Field(ge=1, le=64)
    opaque_value_bytes: int = Field(ge=1, le=64)


class DisplayRules(Rules):
    """What one execution may show, and in which media types.

    A line of text, a row of a table and a record of a chart count as a row. ``active_html`` lets
    scripts and forms of outputs through as they are.
    """

    rows_max: int = Field(ge=1, le=1_000_000)
    bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)
    chart_rows_max: int = Field(ge=1, le=1_000_000)
    image_bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)
    file_bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)
    message_bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)
    active_html: bool
    media_types: tuple[MediaType, ...] = Field(min_length=1)
    comm_targets: tuple[str, ...]


class CellRules(Rules):
    """How large one executed cell may be, and how much a session may send in a minute and in all.

    What a page sends that is no code is gathered, and logged before ``unlogged_bytes_max`` of it
    are in the session unlogged.
    """

    code_bytes_max: int = Field(ge=1, le=MEBIBYTE)
    cells_per_minute_max: int = Field(ge=1, le=100_000)
    bytes_per_minute_max: int = Field(ge=1, le=64 * MEBIBYTE)
    bytes_per_session_max: int = Field(ge=1, le=1 << 40)
    unlogged_bytes_max: int = Field(ge=0, le=MEBIBYTE)


class UploadRules(Rules):
    """What may come in: by upload (any new file) and by saving (notebooks and texts)."""

    endings: tuple[Ending, ...] = Field(min_length=1)
    saved_endings: tuple[Ending, ...] = Field(min_length=1)
    file_bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)
    uploaded_bytes_per_day_max: int = Field(ge=1, le=1 << 40)
    saved_bytes_per_day_max: int = Field(ge=1, le=1 << 40)
    files_per_minute_max: int = Field(ge=1, le=100_000)
    setting_bytes_max: int = Field(ge=1, le=MEBIBYTE)
    line_bytes_max: int = Field(ge=1, le=64 * MEBIBYTE)

    @model_validator(mode="after")
    def _a_file_fits_a_day(self) -> Self:
        if self.file_bytes_max > self.uploaded_bytes_per_day_max:
            raise ValueError("one file may not be larger than a whole day's uploads")
        return self


class ScreenRules(RuleFile):
    """One screen rule file."""

    egress: EgressRules
    display: DisplayRules
    cells: CellRules
    uploads: UploadRules
