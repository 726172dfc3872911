"""What a witness rule file may say: how many cosignatures, on which entries, and how late."""

from typing import Literal

from pydantic import Field

from policies.schema import RuleFile, Rules

WITNESSES_MAX = 16
AnswerKind = Literal["query:answer:released", "query:answer:repeated", "verify:claim:answered"]
ClosedKind = Literal[
    "query:question:decided",
    "query:answer:repeated",
    "verify:claim:decided",
    "release:request:delivered",
    "revenue:product:fetched",
]


class BeforeRelease(Rules):
    """An answer's entry of one of ``kinds`` waits for so many witnesses, so long at most.

    ``waiting_max`` answers wait at a time; one more is withheld at once.
    """

    witnesses: int = Field(ge=0, le=WITNESSES_MAX)
    milliseconds_max: int = Field(ge=100, le=60_000)
    waiting_max: int = Field(ge=1, le=1_000)
    kinds: tuple[AnswerKind, ...]


class WithinDelay(Rules):
    """New questions are refused while an entry older than the delay has too few witnesses."""

    witnesses: int = Field(ge=0, le=WITNESSES_MAX)
    delay_seconds_max: int = Field(ge=10, le=31 * 86_400)


class Pace(Rules):
    """How the platform calls: how long one round and one request take, and rest between rounds.

    A round begins at once while an answer waits for it.
    """

    round_milliseconds_max: int = Field(ge=50, le=60_000)
    idle_seconds_between: int = Field(ge=1, le=3_600)
    request_milliseconds_max: int = Field(ge=50, le=60_000)


class WitnessRules(RuleFile):
    """One witness rule file. ``closed_kinds`` are refused while a witness contradicts the log."""

    closed_kinds: tuple[ClosedKind, ...]
    before_release: BeforeRelease
    within_delay: WithinDelay
    pace: Pace

    @property
    def witnesses_required(self) -> int:
        """The most witnesses that any rule here asks for."""
        return max(self.before_release.witnesses, self.within_delay.witnesses)
