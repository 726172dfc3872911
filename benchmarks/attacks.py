"""Attacks on a session's sandbox: ways out per backend, and what bombs cost a neighbour.

Figures: ``escape_probes`` (attempts that succeed on this host without the layers), ``escape_open``
(attempts that succeeded inside and should not), ``bombed_neighbour_latency`` (the median cell of a
neighbour while another session's bombs go off, against its median cell in quiet). Of a host's own
page and the proxy: ``benchmarks/attacks_screen.py``. Run: ``./dev bench attacks``.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.figures import show, show_skipped  # noqa: E402
from foundation.confined_process import ConfinedProcess  # noqa: E402
from foundation.confinement import Confinement, Limits, launch  # noqa: E402
from foundation.errors import Unavailable  # noqa: E402
from foundation.gvisor import find_runsc  # noqa: E402
from sandbox.backends.bubblewrap import BubblewrapBackend, SessionLimits  # noqa: E402
from sandbox.backends.gvisor import GvisorBackend  # noqa: E402
from tests.attacks.escape_expected import ACCEPTED, BUBBLEWRAP, CONTROLS, GVISOR  # noqa: E402
from tests.attacks.escape_scene import Answers, inside, outside, scene  # noqa: E402
from tests.session_browser import KernelChannel  # noqa: E402
from tests.session_cells import kernel, run  # noqa: E402

PROBES_MIN = 113
LATENCY_RATIO_MAX = 2.0
CELLS = 40
ROUNDS = 3
WARM_UP_CELLS = 10
SETTLE_SECONDS = 0.5
LIMITS = SessionLimits(
    memory_bytes_max=512 << 20, pids_max=64, home_bytes_max=64 << 20, cpus_max=1.0
)
BOMBS = {
    "memory": "held = []\nwhile True:\n    held.append(bytearray(b'x') * (4 << 20))\n",
    "processes": (
        "import os, time\nwhile True:\n    try:\n        child = os.fork()\n"
        "    except OSError:\n        continue\n    if child == 0:\n        time.sleep(600)\n"
    ),
    "processor": (
        "import os\nfor _ in range(8):\n    if os.fork() == 0:\n        break\n"
        "while True:\n    pass\n"
    ),
    "disk": (
        "import os\nwhile True:\n    try:\n        with open('/tmp/full', 'wb') as file:\n"
        "            while True:\n                file.write(bytes(1 << 20))\n"
        "    except OSError:\n        os.unlink('/tmp/full')\n"
    ),
    "files": (
        "import os\nnumber = 0\nwhile True:\n    try:\n"
        "        open(f'/tmp/{number}', 'x').close()\n        number += 1\n"
        "    except OSError:\n        [os.unlink(f'/tmp/{n}') for n in range(number)]\n"
        "        number = 0\n"
    ),
    "output": "import os\nos.set_blocking(1, True)\nwhile True:\n    os.write(1, b'x' * 65536)\n",
}


def backends() -> dict[str, str | None]:
    """Return each backend, and why it cannot run here where it cannot."""
    try:
        find_runsc()
    except Unavailable as missing:
        return {BUBBLEWRAP: None, GVISOR: missing.message.en}
    return {BUBBLEWRAP: None, GVISOR: None}


def escapes(able: list[str]) -> bool:
    """Run every probe outside and within each backend; print both figures."""
    with scene() as on:
        control = outside(on)
        found = {backend: inside(on, gvisor=backend == GVISOR) for backend in able}
    shown = {name for names in ACCEPTED.values() for name in names} | set(CONTROLS)
    controlled = sorted(
        name for name, answer in control.items() if answer["open"] and name not in shown
    )
    opened = {backend: unexpected(answers, backend) for backend, answers in found.items()}
    silent = {backend: missing(answers, control) for backend, answers in found.items()}
    enough = show(
        "escape_probes",
        len(controlled),
        "probes with a positive control",
        f">={PROBES_MIN}",
        met=len(controlled) >= PROBES_MIN and not any(silent.values()),
        against="the same probes on this host without any layer, all of which succeed",
        runs=1,
        tried=len(control),
        per_backend={backend: len(controlled) for backend in able},
        not_answered=silent,
    )
    closed = show(
        "escape_open",
        sum(map(len, opened.values())),
        "probes",
        "==0",
        met=not any(opened.values()),
        against="what is accepted per backend, with reasons: tests/attacks/escape_expected.py",
        runs=1,
        per_backend=opened,
    )
    return enough and closed


def unexpected(answers: Answers, backend: str) -> list[str]:
    """Return the probes that succeeded inside and should not, and controls that failed."""
    opened = {name for name, answer in answers.items() if answer["open"]}
    return sorted((opened - set(CONTROLS) - set(ACCEPTED[backend])) | (set(CONTROLS) - opened))


def missing(answers: Answers, control: Answers) -> list[str]:
    """Return the probes that told nothing inside."""
    return sorted(set(control) - set(answers))


def cells_ms(channel: KernelChannel, count: int = CELLS) -> list[float]:
    """Run cells one after the other; return how long each took, in milliseconds."""
    taken = []
    for _ in range(count):
        started = time.perf_counter()
        run(channel, "sum(range(10_000))")
        taken.append(1_000 * (time.perf_counter() - started))
    return taken


def bomb(code: str, directory: Path, backend: str) -> ConfinedProcess:
    """Start a bomb under a session's own limits."""
    program = directory / "bomb.py"
    program.write_text(code)
    limits = Limits(LIMITS.memory_bytes_max, LIMITS.pids_max, cpus_max=LIMITS.cpus_max)
    return launch(
        Confinement(REPOSITORY / ".venv", program, limits, "session"), gvisor=backend == GVISOR
    )


def bombed(backend: str) -> dict[str, float]:
    """Return, for each bomb, a neighbour's median cell while it goes off over one in quiet."""
    kind = GvisorBackend if backend == GVISOR else BubblewrapBackend
    slots = kind(REPOSITORY / ".venv-session", LIMITS)
    ratios: dict[str, list[float]] = {name: [] for name in BOMBS}
    try:
        endpoint = slots.assign(slots.prestart(), "ses_neighbour")
        with kernel(endpoint) as neighbour, tempfile.TemporaryDirectory() as directory:
            cells_ms(neighbour, WARM_UP_CELLS)
            for _ in range(ROUNDS):
                for name, code in BOMBS.items():
                    quiet = statistics.median(cells_ms(neighbour))
                    process = bomb(code, Path(directory), backend)
                    try:
                        time.sleep(SETTLE_SECONDS)
                        under = statistics.median(cells_ms(neighbour))
                    finally:
                        process.kill()
                    sys.stderr.write(f"{backend} {name}: {quiet:.1f} ms, {under:.1f} ms\n")
                    ratios[name].append(under / quiet)
    finally:
        slots.close()
    return {name: round(statistics.median(values), 2) for name, values in ratios.items()}


def neighbours(able: list[str]) -> bool:
    """Print what bombs cost a neighbour, the worst of each backend."""
    met = True
    for backend in able:
        ratios = bombed(backend)
        worst = max(ratios.values())
        met &= show(
            "bombed_neighbour_latency",
            worst,
            "ratio",
            f"<={LATENCY_RATIO_MAX}",
            met=worst <= LATENCY_RATIO_MAX,
            against="the same neighbour's median cell in quiet, interleaved",
            runs=ROUNDS * CELLS,
            backend=backend,
            per_bomb=ratios,
        )
    return met


def main() -> int:
    """Print every figure; return 1 where one is missed or could not be taken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("escapes", "neighbours"))
    only = parser.parse_args().only
    found = backends()
    able = [backend for backend, reason in found.items() if reason is None]
    met = True
    for backend, reason in found.items():
        if reason is not None:
            show_skipped(f"escape_open ({backend})", reason)
            met = False
    if only != "neighbours":
        met &= escapes(able)
    if only != "escapes":
        met &= neighbours(able)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
