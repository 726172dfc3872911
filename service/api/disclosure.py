"""The yearly disclosure: figures as JSON for programs, and as a page for people."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from fastapi.responses import PlainTextResponse, Response

from foundation.db import reading
from revenue.exports.yearly import readable_disclosure, yearly_disclosure
from service.api.callers import AnyCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/disclosures", route_class=IdempotentRoute, tags=["revenue"])


@router.get("/{year}", response_model=None)
def get_disclosure(
    year: Annotated[int, Path(ge=1, le=9_999)],
    actor: AnyCaller,
    platform: OnPlatform,
    form: Literal["json", "page"] = "json",
) -> dict[str, object] | Response:
    """Read a year's figures: what the implementing body and the operators are to publish."""
    with reading(platform.engine) as connection:
        figures = yearly_disclosure(connection, year)
    if form == "json":
        return figures
    tables = readable_disclosure(figures)
    page = "\n".join(table.markdown(actor.language) for table in tables)
    return PlainTextResponse(page, media_type="text/markdown; charset=utf-8")
