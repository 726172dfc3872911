"""The table of a session's life: no way back, every live state can end, names in both languages."""

import pytest

from foundation.errors import Conflict
from sandbox.lifecycle import (
    ANSWERING,
    LIVE,
    MODE_NAMES,
    STATE_NAMES,
    TRANSITIONS,
    SessionMode,
    SessionState,
    step,
)

ORDER = list(SessionState)


@pytest.mark.parametrize("source", SessionState)
@pytest.mark.parametrize("target", SessionState)
def test_what_is_not_in_the_table_is_refused_with_a_way_out(
    source: SessionState, target: SessionState
) -> None:
    if (source, target) in TRANSITIONS:
        assert step(source, target) is TRANSITIONS[source, target]
        return
    with pytest.raises(Conflict) as refusal:
        step(source, target)
    assert refusal.value.way_out is not None
    assert STATE_NAMES[source].zh in refusal.value.message.zh
    assert STATE_NAMES[target].en in refusal.value.message.en


def test_no_step_goes_back() -> None:
    assert all(ORDER.index(source) < ORDER.index(target) for source, target in TRANSITIONS)
    assert [target for source, target in TRANSITIONS if source is SessionState.FROZEN] == [
        SessionState.CLOSED
    ]


def test_production_is_entered_by_an_opening_or_a_promotion_only() -> None:
    entered = {k.value for (_, new), k in TRANSITIONS.items() if new is SessionState.PRODUCTION}
    assert entered == {"sandbox:session:opened", "sandbox:session:promoted"}


def test_every_live_state_can_end_and_every_state_and_mode_has_its_names() -> None:
    assert all((state, SessionState.CLOSED) in TRANSITIONS for state in LIVE)
    assert set(STATE_NAMES) == set(SessionState)
    assert set(MODE_NAMES) == set(SessionMode)
    assert tuple(mode.state for mode in SessionMode) == ANSWERING
