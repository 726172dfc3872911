"""Sessions against their bars: how fast they open, what they weigh, and how they end.

Run: ``./dev bench sessions``; ``--only starts`` (or cold, gvisor, weight, endings) for a part of
it. The ten-minute soak is ``./dev bench sessions_soak``. Absolute times mean something on a quiet
machine only; ratios are taken within interleaved rounds.
"""

import argparse
import sys
from collections.abc import Callable

from benchmarks.session_endings import show_cycles, show_suspension
from benchmarks.session_starts import show_cold, show_gvisor, show_starts
from benchmarks.session_weight import show_weight

ROUNDS, WARM_RUNS, PAIRS, GVISOR_PAIRS = 4, 20, 5, 5
SESSIONS_WEIGHED, IDLE_SECONDS = 5, 30.0
SESSIONS_SUSPENDED, CYCLES = 20, 200


def main() -> int:
    """Measure and print one line of JSON a figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--warm-runs", type=int, default=WARM_RUNS)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--cycles", type=int, default=CYCLES)
    parser.add_argument("--only", choices=["starts", "cold", "gvisor", "weight", "endings"])
    chosen = parser.parse_args()
    parts: dict[str, Callable[[], bool]] = {
        "starts": lambda: show_starts(chosen.rounds, chosen.warm_runs),
        "cold": lambda: show_cold(chosen.pairs),
        "gvisor": lambda: show_gvisor(min(chosen.pairs, GVISOR_PAIRS)),
        "weight": lambda: show_weight(SESSIONS_WEIGHED, IDLE_SECONDS),
        "endings": lambda: show_suspension(SESSIONS_SUSPENDED) & show_cycles(chosen.cycles),
    }
    met = [show() for name, show in parts.items() if chosen.only in {None, name}]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
