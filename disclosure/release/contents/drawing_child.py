"""Run by path inside a confined child of the session's environment: a chart in, its PNG out.

The chart was written by the desk from values that it worked out itself; there is nothing else to
draw from in here. It inherits one end of a socket, and sees one font.
"""

import json
import socket
import sys

import vl_convert

FONTS = "/opt/fonts"
SCALE = 2


def main(channel: int) -> None:
    """Draw one chart."""
    with socket.socket(fileno=channel) as link, link.makefile("rb") as stream:
        chart = json.loads(stream.read())
        vl_convert.register_font_directory(FONTS)
        link.sendall(vl_convert.vegalite_to_png(chart, scale=SCALE))


if __name__ == "__main__":
    main(int(sys.argv[1]))
