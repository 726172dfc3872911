"""What every rule file has: a head that says whose rule it is, and strict, immutable fields.

Each section of ``policies/`` has one module here with one class for its files; ``policies.load``
names them all. Unknown keys are refused, so a misspelt rule never counts as absent.
"""

from pydantic import BaseModel, ConfigDict, Field


class Rules(BaseModel):
    """A part of a rule file: immutable, and strict about unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RuleFile(Rules):
    """The head of every rule file: jurisdiction, document number and version.

    ``document`` is the number of the act the rule follows (for example 发改数据规〔2025〕27号), or
    names it as a house rule. ``note`` is for readers and decides nothing.
    """

    jurisdiction: str = Field(min_length=1, max_length=60)
    document: str = Field(min_length=1, max_length=400)
    version: str = Field(min_length=1, max_length=60)
    note: str = ""
