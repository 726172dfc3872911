"""The witness over HTTP: c2sp.org/tlog-witness, and nothing of the platform.

It imports no part that holds the platform's keys or its control store, so that a regulator can run
it on a machine of its own.
"""

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response

from audit.witness.protocol import REQUEST_BYTES_MAX
from audit.witness.witness import Witness

_TOO_LARGE = 413


def create_witness_app(witness: Witness) -> FastAPI:
    """Build the two ways in: a checkpoint to cosign, and the newest one for monitors."""
    app = FastAPI(title="Sandgate witness", openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        """Cosign a checkpoint that extends what was seen, or refuse."""
        body = await _body(request)
        if body is None:
            return PlainTextResponse("the request is too large\n", _TOO_LARGE)
        reply = await run_in_threadpool(witness.add_checkpoint, body)
        return Response(reply.body, reply.status, media_type=reply.media_type)

    @app.get("/{origin_hash}/checkpoint")
    def get_checkpoint(origin_hash: str) -> Response:
        """Return the newest cosigned checkpoint of a log."""
        note = witness.latest(origin_hash)
        if note is None:
            return PlainTextResponse("nothing was cosigned for that log\n", 404)
        return PlainTextResponse(note)

    return app


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > REQUEST_BYTES_MAX:
            return None
    return bytes(body)
