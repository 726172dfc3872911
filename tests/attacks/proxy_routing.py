"""Which handler of the session's own server a path would reach, asked of Tornado itself.

Runs in the session's environment, apart from the service: the server is built as the guest builds
it and never listens. Lines in: ``[method, target]`` as JSON; lines out: the handler's name.
"""

import json
import sys
import warnings
from pathlib import Path

GUEST = Path(__file__).resolve().parent.parent.parent / "sandbox" / "guest"


def main() -> None:
    """Answer until the input ends."""
    sys.path.insert(0, str(GUEST))
    warnings.simplefilter("ignore")
    import server as guest  # noqa: PLC0415 - the guest's own file, in the guest's own Python
    from jupyter_server.serverapp import ServerApp  # noqa: PLC0415
    from tornado.httputil import HTTPHeaders, HTTPServerRequest  # noqa: PLC0415

    class Connection:
        context = type("Context", (), {"remote_ip": "", "protocol": "http", "address": None})()
        protocol = "http"

        def set_close_callback(self, _callback: object) -> None:
            """Nothing is connected."""

    config = guest.configuration("token")
    config.ServerApp.root_dir = str(Path.cwd())
    config.ServerApp.log_level = 50
    app = ServerApp.instance(config=config)
    app.initialize(argv=[], new_httpserver=False)
    for line in sys.stdin:
        method, target = json.loads(line)
        request = HTTPServerRequest(
            method,
            target,
            headers=HTTPHeaders({"Host": "session"}),
            connection=Connection(),
        )
        found = app.web_app.find_handler(request)
        handler = getattr(found, "handler_class", None)
        name = "" if handler is None else f"{handler.__module__}.{handler.__qualname__}"
        sys.stdout.write(f"{json.dumps(name)}\n")


if __name__ == "__main__":
    main()
