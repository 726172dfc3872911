"""Run by path inside a confined child: a bank's answer in, a few checked fields out.

It inherits one end of a socket and nothing else. The first line names the form, the rest is the
foreign file; what goes back is the answer as JSON, or a code.
"""

import json
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

from revenue.settlement_files import return_forms


def main(channel: int) -> None:
    """Read one answer and send it on."""
    with socket.socket(fileno=channel) as link, link.makefile("rb") as stream:
        form = stream.readline(64).decode("ascii", "replace").strip()
        data = stream.read(return_forms.BYTES_MAX + 1)
        try:
            answer = return_forms.as_json(return_forms.read_return(data, form))
        except return_forms.ReturnRefused as refusal:
            answer = json.dumps({"refused": str(refusal)}).encode()
        link.sendall(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
