"""Runs the service on its address until it is told to stop; ends sessions and workers with it."""

import sys

import uvicorn

from foundation.errors import SandgateError
from foundation.settings import Settings
from service.app import create_app
from service.bootstrap import build_platform
from service.key_opening import PROCESS
from service.upkeep import Upkeep

HEADER_BYTES_MAX = 64 << 10
GRACE_SECONDS_MAX = 5


def serve_forever(settings: Settings) -> int:
    """Serve; return the exit code. A refusal to start is one sentence, not a traceback.

    Keys go to a key holder of our own unless the settings say otherwise.
    """
    holding = {"key_holder": settings.key_holder or PROCESS}
    try:
        platform = build_platform(settings.model_copy(update=holding))
    except SandgateError as refusal:
        sys.stderr.write(refusal.message.in_language(settings.language) + "\n")
        if refusal.way_out is not None:
            sys.stderr.write(refusal.way_out.in_language(settings.language) + "\n")
        return 1
    upkeep = Upkeep(platform)
    upkeep.start()
    platform.slots.pool.start()
    try:
        uvicorn.run(
            create_app(platform),
            host=settings.host,
            port=settings.port,
            log_level="warning",
            server_header=False,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            timeout_graceful_shutdown=GRACE_SECONDS_MAX,
            proxy_headers=False,
        )
    finally:
        upkeep.stop()
        platform.close()
    return 0
