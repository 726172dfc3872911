"""Files that a session hands to the release desk, over its own gateway socket and no other way.

The bytes are read apart in a confined child; what is kept are their values (see
``disclosure.release.contents``). Answers with the number by which a draft names the file.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from disclosure.release.contents.foreign import refused
from service.api.bodies import UploadRoute
from service.api.callers import OnPlatform
from service.api.gateway import InSession

router = APIRouter(prefix="/v1/release-files", route_class=UploadRoute, tags=["gateway"])


@router.post("", status_code=201)
async def post_release_file(
    request: Request,
    scope: InSession,
    platform: OnPlatform,
    form: Annotated[Literal["csv", "parquet", "json", "md"], Query(alias="format")],
) -> dict[str, object]:
    """Hand one file to the desk: CSV, Parquet, JSON or Markdown; the body is the file itself."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > platform.intake.file_bytes_max:
            raise refused("too_large")
    taken = await run_in_threadpool(platform.intake.take, scope, form, bytes(data))
    return {"reference": taken.id, "format": taken.file.format, "sha256": taken.sha256}
