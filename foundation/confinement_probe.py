"""Run inside by the host report: tries each bound for real and prints what stopped it, as JSON.

``bounds DISK FILES PIDS OPEN`` tries all but memory and then waits to be killed; ``memory BYTES``
takes that much in a child and says whether it lived. Standard library only.
"""

import json
import os
import socket
import sys
import time
from pathlib import Path

SCRATCH = Path("/tmp")  # noqa: S108 - a path inside
FILLER_BYTES = 128 << 10
SPIN_SECONDS_MAX = 5.0
SPINNERS = 2
STEP = 8 << 20


def alone() -> bool:
    """Tell whether no process but ours is seen, and no network but a loopback."""
    seen = sum(name.isdigit() for name in os.listdir("/proc"))  # noqa: PTH208
    interfaces = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    only_loopback = all(line.split(":")[0].strip() == "lo" for line in interfaces)
    return seen <= 3 and only_loopback  # noqa: PLR2004 - bubblewrap, this, and a reader


def sockets_refused() -> bool:
    """Tell whether a network socket is refused."""
    try:
        socket.socket(socket.AF_INET).close()
    except OSError:
        return True
    return False


def disk(most: int) -> bool:
    """Tell whether a file stops growing at its part's size."""
    path = SCRATCH / "full"
    written = 0
    try:
        with path.open("wb", buffering=0) as file:
            while written <= most:
                written += file.write(bytes(1 << 20))
    except OSError:
        return 0 < written <= most
    finally:
        path.unlink()
    return False


def inodes(most: int) -> bool:
    """Tell whether files stop being made at their number."""
    made: list[Path] = []
    try:
        for number in range(most + 1):
            path = SCRATCH / f"file-{number}"
            path.touch()
            made.append(path)
    except OSError:
        return 0 < len(made) <= most
    finally:
        for path in made:
            path.unlink()
    return False


def files(most: int) -> bool:
    """Tell whether open files stop at their number."""
    held: list[int] = []
    try:
        while len(held) <= most:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return 0 < len(held) <= most
    finally:
        for descriptor in held:
            os.close(descriptor)
    return False


def pids(most: int) -> bool:
    """Tell whether processes stop being made at their number."""
    made: list[int] = []
    try:
        while len(made) <= most:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            made.append(child)
    except OSError:
        return 0 < len(made) <= most
    finally:
        for child in made:
            os.kill(child, 9)
            os.waitpid(child, 0)
    return False


def spin() -> None:
    """Ask for more processor time than the probe was given, until the host has seen enough."""
    for _ in range(SPINNERS):
        if os.fork() == 0:
            while time.process_time() < SPIN_SECONDS_MAX:
                pass
            os._exit(0)


def memory(most: int) -> str:
    """Take this many bytes in a child; "bound" where it did not live to say that it has them."""
    child = os.fork()
    if child == 0:
        held = [bytearray(b"x") * STEP for _ in range(most // STEP)]
        os._exit(0 if held else 1)
    return "bound" if os.waitpid(child, 0)[1] else "unbound"


def main(task: str, *numbers: str) -> None:
    """Do one task and print what it found."""
    os.set_blocking(1, True)  # gVisor hands the host's pipe in as one that refuses when full
    if task == "memory":
        os.write(1, b"begin\n")
        os.write(1, memory(int(numbers[0])).encode() + b"\n")
        return
    disk_bytes, files_made, processes, open_files = map(int, numbers)
    sys.stdout.write("." * FILLER_BYTES + "\n")
    sys.stdout.flush()
    found = {
        "namespaces": alone(),
        "seccomp": sockets_refused(),
        "disk": disk(disk_bytes),
        "inodes": inodes(files_made),
        "files": files(open_files),
        "pids": pids(processes),
    }
    os.write(1, b"bounds " + json.dumps(found).encode() + b"\n")
    spin()
    time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
