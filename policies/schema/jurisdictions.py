"""What a jurisdiction's pack may say: whose rules it follows, its own clocks, and its own words.

A pack inherits another and overrides it by clock and by label. A clock longer than the one it
inherits is named in ``looser``, so that none becomes so by a slip of the pen. ``unknown`` says in
plain words what the pack does not encode, for no text of it was at hand.
"""

from typing import Self

from pydantic import Field, model_validator

from policies.schema import RuleFile, Rules


class ClockChange(Rules):
    """What a pack changes of one clock; what it does not name stays as inherited."""

    working_days: int | None = Field(default=None, ge=1, le=365)
    extension_days_max: int | None = Field(default=None, ge=0, le=365)
    source: str = Field(min_length=1, max_length=200)


class Label(Rules):
    """A role's name in both languages, and the document it is taken from."""

    zh: str = Field(min_length=1, max_length=40)
    en: str = Field(min_length=1, max_length=80)
    source: str = Field(min_length=1, max_length=200)


class Cited(Rules):
    """A document that the pack follows, and how far its text was read."""

    title: str = Field(min_length=1, max_length=200)
    number: str = Field(default="", max_length=100)
    read: str = Field(pattern=r"^(whole|summary|opening|named)$")


class JurisdictionRules(RuleFile):
    """One jurisdiction: what it inherits, and what it changes."""

    name_zh: str = Field(min_length=1, max_length=40)
    name_en: str = Field(min_length=1, max_length=80)
    inherits: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,62})?$")
    deadlines: str = Field(default="", pattern=r"^([a-z][a-z0-9-]{0,62})?$")
    documents: tuple[Cited, ...] = ()
    clocks: dict[str, ClockChange] = Field(default_factory=dict)
    looser: tuple[str, ...] = ()
    labels: dict[str, Label] = Field(default_factory=dict)
    unknown: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_one_origin(self) -> Self:
        if bool(self.inherits) == bool(self.deadlines):
            raise ValueError("a pack either inherits another or names a deadline file")
        return self
