"""The roads of a correction or objection: raised, referred, upheld or refused, corrected, answered.

The provider verifies what was referred to it, corrects by a new version, and answers. Nothing
moves by time alone: an overdue correction stays where it is, listed as overdue.
"""

from collections.abc import Mapping
from enum import StrEnum

from foundation.errors import Conflict, Message


class CorrectionState(StrEnum):
    """Where a correction or objection stands."""

    RAISED = "raised"  # 已提出, waits for referral
    REFERRED = "referred"  # 已转办, the provider verifies
    UPHELD = "upheld"  # 已核实属实
    CORRECTED = "corrected"  # 已更正
    ANSWERED = "answered"  # 已反馈, closed
    REFUSED = "refused"  # 核实不属实, closed
    WITHDRAWN = "withdrawn"  # 已撤回, closed

    @property
    def is_closed(self) -> bool:
        """Tell whether nothing more happens to it."""
        return self in {self.ANSWERED, self.REFUSED, self.WITHDRAWN}


class CorrectionMove(StrEnum):
    """What somebody does to it."""

    REFER = "refer"
    UPHOLD = "uphold"
    REFUSE = "refuse"
    CORRECT = "correct"
    ANSWER = "answer"
    WITHDRAW = "withdraw"


STATE_NAMES: Mapping[CorrectionState, Message] = {
    CorrectionState.RAISED: Message("已提出，待转办", "raised, to be referred"),
    CorrectionState.REFERRED: Message("核实中", "being verified"),
    CorrectionState.UPHELD: Message("属实，待更正", "upheld, to be corrected"),
    CorrectionState.CORRECTED: Message("已更正，待反馈", "corrected, to be answered"),
    CorrectionState.ANSWERED: Message("已更正并反馈", "corrected and answered"),
    CorrectionState.REFUSED: Message("不属实，已反馈", "not upheld, answered"),
    CorrectionState.WITHDRAWN: Message("已撤回", "withdrawn"),
}

MOVES: Mapping[tuple[CorrectionState, CorrectionMove], CorrectionState] = {
    (CorrectionState.RAISED, CorrectionMove.REFER): CorrectionState.REFERRED,
    (CorrectionState.RAISED, CorrectionMove.WITHDRAW): CorrectionState.WITHDRAWN,
    (CorrectionState.REFERRED, CorrectionMove.UPHOLD): CorrectionState.UPHELD,
    (CorrectionState.REFERRED, CorrectionMove.REFUSE): CorrectionState.REFUSED,
    (CorrectionState.REFERRED, CorrectionMove.WITHDRAW): CorrectionState.WITHDRAWN,
    (CorrectionState.UPHELD, CorrectionMove.CORRECT): CorrectionState.CORRECTED,
    (CorrectionState.CORRECTED, CorrectionMove.ANSWER): CorrectionState.ANSWERED,
}


def next_state(state: CorrectionState, move: CorrectionMove) -> CorrectionState:
    """Return where a move leads. Raises Conflict where there is no such road."""
    found = MOVES.get((state, move))
    if found is None:
        now = STATE_NAMES[state]
        ways = sorted(str(known) for start, known in MOVES if start is state)
        raise Conflict(
            "correction_state",
            Message(
                f"该校核（异议）现为“{now.zh}”，不能办理此项。",
                f"This correction is {now.en}; that cannot be done now.",
            ),
            field="state",
            way_out=Message(
                f"现在可办理：{'、'.join(ways) or '无'}。",
                f"Possible now: {', '.join(ways) or 'none'}.",
            ),
        )
    return found
