"""What a daily file may say: how much one person may begin in one civil day, by kind.

A person is a natural person under whatever account, or a program. The day is the jurisdiction's.
"""

from pydantic import Field

from policies.schema import RuleFile


class DailyRules(RuleFile):
    """One daily file: at most so many by one person in one civil day.

    ``entry_texts_max`` counts every text of an entry that is begun, rows of batches too;
    ``entry_drafts_max`` those that belong to no batch.
    """

    entry_drafts_max: int = Field(ge=1, le=100_000)
    entry_texts_max: int = Field(ge=1, le=10_000_000)
    imports_max: int = Field(ge=1, le=10_000)
    share_drafts_max: int = Field(ge=1, le=10_000)
    demands_max: int = Field(ge=1, le=10_000)
    corrections_max: int = Field(ge=1, le=10_000)
