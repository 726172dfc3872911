"""What a deadline file may say: each clock in working days, how far it may be extended, and why."""

from pydantic import Field

from policies.schema import RuleFile, Rules


class Deadline(Rules):
    """One clock. ``extension_days_max`` needs the named consent; zero means none is possible."""

    working_days: int = Field(ge=1, le=365)
    extension_days_max: int = Field(default=0, ge=0, le=365)
    source: str = Field(min_length=1, max_length=200)


class DeadlineRules(RuleFile):
    """One deadline file: the clocks of sharing, catalogue, registration and correction.

    ``correction_referral`` is a clock of some jurisdictions only.
    """

    calendar: str = Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")
    catalogue_review: Deadline
    catalogue_change: Deadline
    share_unconditional: Deadline
    share_conditional: Deadline
    share_supply: Deadline
    correction: Deadline
    registration_acceptance: Deadline
    registration_review: Deadline
    registration_notice: Deadline
    correction_referral: Deadline | None = None

    @classmethod
    def clock_names(cls) -> frozenset[str]:
        """Return the name of every clock that a file may set."""
        return frozenset(set(cls.model_fields) - set(RuleFile.model_fields) - {"calendar"})

    @property
    def clocks(self) -> dict[str, Deadline]:
        """Every clock of the file, by name."""
        found = {name: getattr(self, name) for name in sorted(self.clock_names())}
        return {name: item for name, item in found.items() if isinstance(item, Deadline)}
