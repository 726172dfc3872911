"""Run inside by the host report: exits 0 only where every namespace and the filter hold."""

import os
import socket
import sys
from pathlib import Path


def main() -> int:
    """Check from inside that we are alone, without a network and without sockets."""
    alone = sum(name.isdigit() for name in os.listdir("/proc")) <= 3  # noqa: PTH208, PLR2004
    interfaces = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()[2:]
    only_loopback = all(line.split(":")[0].strip() == "lo" for line in interfaces)
    try:
        socket.socket(socket.AF_INET).close()
    except OSError:
        sockets_refused = True
    else:
        sockets_refused = False
    return 0 if alone and only_loopback and sockets_refused else 1


if __name__ == "__main__":
    sys.exit(main())
