"""What a retention file may say: classes of record, their shortest and longest terms, and why.

A kind of log entry belongs to the class that names the longest beginning of it; a private field of
an entry to the class that names it, by kind or for every kind. What no class names is kept.
"""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules

MONTHS_MAX = 1_200
KIND = r"^[a-z_]+(:[a-z_]+){0,2}$"
FIELD = r"^(\*|[a-z_]+:[a-z_]+:[a-z_]+)/[a-z][a-z0-9_]*$"


class Erasure(StrEnum):
    """How a class of record is erased once its shortest term is over."""

    PURGE = "purge"  # by command of two persons
    WITH_SESSION = "with_session"  # by itself, when the session ends
    AS_SENT = "as_sent"  # by itself, as soon as the file was sent
    NEVER = "never"  # a purge never touches it


class RecordClass(Rules):
    """One class of record. Terms are calendar months from the record's own time.

    ``by_law`` tells a term that the named source prescribes from one that we chose.
    ``readable_in_case`` lets an auditor with an open case that covers the record read its text.
    """

    name: str = Field(pattern=r"^[a-z][a-z_]{1,30}$")
    label_zh: str = Field(min_length=1, max_length=60)
    label_en: str = Field(min_length=1, max_length=60)
    minimum_months: int = Field(ge=0, le=MONTHS_MAX)
    maximum_months: int | None = Field(default=None, ge=0, le=MONTHS_MAX)
    by_law: bool
    source: str = Field(min_length=1, max_length=300)
    erasure: Erasure
    readable_in_case: bool = False
    kinds: tuple[Annotated[str, Field(pattern=KIND)], ...] = ()
    fields: tuple[Annotated[str, Field(pattern=FIELD)], ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.maximum_months is not None and self.maximum_months < self.minimum_months:
            raise ValueError("a longest term is never shorter than the shortest")
        if self.fields and self.erasure is not Erasure.PURGE:
            raise ValueError("private fields are erased by purge")
        return self


class RetentionRules(RuleFile):
    """One retention file."""

    classes: tuple[RecordClass, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for listed in (
            [item.name for item in self.classes],
            [kind for item in self.classes for kind in item.kinds],
            [field for item in self.classes for field in item.fields],
        ):
            if len(listed) != len(set(listed)):
                raise ValueError("a class, kind or field is named twice")
        return self
