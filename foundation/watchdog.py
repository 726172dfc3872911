"""Where no control group bounds memory: looks once a second and kills what outgrew its limit.

Weaker than a control group (a second of growth passes), so production does not accept it.
"""

import subprocess
import threading

from foundation.confined_process import ConfinedProcess
from foundation.process_table import resident_bytes

LOOK_SECONDS = 1.0


def watch(process: ConfinedProcess, memory_bytes_max: int) -> None:
    """Watch a child until it ends, in a thread of its own."""
    arguments = (process, memory_bytes_max)
    threading.Thread(target=_look, args=arguments, daemon=True, name="memory watchdog").start()


def _look(process: ConfinedProcess, memory_bytes_max: int) -> None:
    while True:
        try:
            process.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if resident_bytes(process.pid) > memory_bytes_max:
                process.kill()
        else:
            return
