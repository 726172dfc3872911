"""Flipping bytes of a log's files: the widest judgement that reads a byte, and nothing more.

A flip in a file of the log is judged from the state verified before its tile, as a regulator who
comes back would; a flip beside the log is judged against the log that was verified.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from audit.verify.__main__ import verify_beside, verify_files, verify_grown
from audit.verify.findings import Report, Unusable
from audit.verify.log import VerifiedLog, verify_log
from audit.verify.manifest import of_the_log
from audit.verify.merkle import TILE_WIDTH
from tests.attacks.log_scene import Files, Scene, as_log, bodies_of


class Flipped(Mapping[str, bytes]):
    """Files of which one has one bit changed."""

    def __init__(self, files: Files, name: str, offset: int) -> None:
        data = bytearray(files[name])
        data[offset] ^= 1
        self._files, self._name, self._data = files, name, bytes(data)

    def __getitem__(self, name: str) -> bytes:
        return self._data if name == self._name else self._files[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass
class Flips:
    """A bundle, the states a regulator kept of it at each tile, and how a flip is judged."""

    scene: Scene
    home: Path
    files: Files = field(init=False)
    states: dict[int, bytes] = field(default_factory=dict)
    log: VerifiedLog = field(init=False)

    def __post_init__(self) -> None:
        self.files = self.scene.files
        bodies = bodies_of(self.scene)
        for size in range(0, len(bodies), TILE_WIDTH):
            state = self.home / f"state{size}"
            if size:
                grown = verify_grown(as_log(bodies[:size], self.scene), self.scene.verifier, state)
                assert grown.exit_code == 0
                self.states[size] = state.read_bytes()
        log = verify_log(self.files, self.scene.verifier, Report())
        assert log is not None
        self.log = log

    def places(self) -> Iterator[tuple[str, int]]:
        """Name every byte of every file."""
        for name, data in self.files.items():
            yield from ((name, offset) for offset in range(len(data)))

    def is_found(self, name: str, offset: int) -> bool:
        """Tell whether the change of one bit is found."""
        changed = Flipped(self.files, name, offset)
        try:
            return self._judged(changed, name).exit_code in {1, 2}
        except Unusable:
            return True

    def _judged(self, changed: Files, name: str) -> Report:
        if not of_the_log(name) or name == "manifest.json":
            report = Report()
            verify_beside(changed, self.log, report)
            return report
        parts = name.split("/")
        if parts[:2] not in (["tile", "0"], ["tile", "entries"]):
            return verify_files(changed, self.scene.verifier)
        before = int(parts[2].partition(".")[0]) * TILE_WIDTH
        if not before:
            return verify_files(changed, self.scene.verifier)
        state = self.home / "state"
        state.write_bytes(self.states[before])
        return verify_grown(changed, self.scene.verifier, state)
