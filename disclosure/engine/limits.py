"""How many engine workers there may be, and what each and all of them may use."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineLimits:
    """How many workers may be warm, and how much each and all of them may hold.

    A rows worker may spill to a directory of its own, in memory and inside its limit: at most
    ``spill_bytes_max``, and a quarter of the limit. Its tables may be as large, before they are
    compressed, as the engine's part. ``aggregate_processors`` are kept for private answers, and
    the others for everybody else; none named means that all are shared.
    """

    workers_max: int = 6
    worker_memory_bytes_max: int = 2 << 30
    pool_memory_bytes_max: int = 8 << 30
    spill_bytes_max: int = 512 << 20
    worker_pids_max: int = 64
    threads: int = 2
    start_seconds_max: float = 30.0
    load_seconds_max: float = 120.0
    parse_seconds_max: float = 2.0
    idle_seconds_max: int = 1_800
    aggregate_processors: frozenset[int] = frozenset()
    other_processors: frozenset[int] = frozenset()

    def spill_bytes(self, kind: str) -> int:
        """Return how much a worker of a kind may spill; only governed rows ever are."""
        return min(self.spill_bytes_max, self.worker_memory_bytes_max // 4) if kind == "rows" else 0

    def processors(self, kind: str) -> frozenset[int]:
        """Return the only processors that a worker of a kind runs on; none: all."""
        return self.aggregate_processors if kind == "aggregate" else self.other_processors

    def engine_bytes(self, kind: str) -> int:
        """Return how much memory the engine of a worker may take; the rest is its process's."""
        if kind == "rows":  # loading takes a quarter more than the engine counts
            return (self.worker_memory_bytes_max - self.spill_bytes(kind)) * 2 // 3
        return self.worker_memory_bytes_max * 3 // 4

    def table_bytes(self, kind: str) -> int:
        """Return how large the tables of a worker may be before they are compressed."""
        return self.engine_bytes(kind)
