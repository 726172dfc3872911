"""Which requests bring a file into a session, and what the session gets of them.

JupyterLab sends a large file in chunks and expects a model back for each: the host gathers them,
looks at the whole, and only then is the session given anything.
"""

import json
from typing import Any

from foundation.errors import InvalidInput, Message
from sandbox.screen import CONTENTS
from sandbox.uploads import SessionFiles

CHECKPOINTS = "/checkpoints"


def is_a_file(method: str, path: str) -> bool:
    """Tell whether a request carries a file's content."""
    return method == "PUT" and path.startswith(f"{CONTENTS}/")


def brought_in(files: SessionFiles, path: str, body: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """Judge a file; return the body to forward, or the model that answers a chunk meanwhile.

    Blocks until it is logged. Raises InvalidInput, Denied, Unavailable.
    """
    try:
        model = json.loads(body)
    except (ValueError, RecursionError):
        model = None
    if not isinstance(model, dict):
        raise InvalidInput(
            "upload_form",
            Message("上传请求不是 JSON 对象。", "The upload is not a JSON object."),
            field="body",
            rule="policies/screen",
        )
    name = path.removeprefix(f"{CONTENTS}/")
    incoming = files.receive(name, model)
    if incoming.forward is None:
        return b"", _meanwhile(name, incoming.size)
    return json.dumps(incoming.forward).encode(), None


def _meanwhile(path: str, size: int) -> dict[str, Any]:
    """Return the model of a file whose chunks are still coming, as the contents API words it."""
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "type": "file",
        "format": None,
        "mimetype": None,
        "content": None,
        "size": size,
        "writable": True,
        "created": "1970-01-01T00:00:00Z",
        "last_modified": "1970-01-01T00:00:00Z",
    }
