"""Reads the small forms of signing in and out: from our own origin, whole, no field twice."""

from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from foundation.errors import Denied, InvalidInput, Message

TOKEN_FIELD = "csrf_token"  # noqa: S105 - the name of a field
FORM_BYTES_MAX = 64 << 10
FORM_FIELDS_MAX = 40
FORM_TYPE = "application/x-www-form-urlencoded"


async def unguarded_form(request: Request) -> dict[str, str]:
    """Return the fields of a form from our own origin; its token is for the caller to check.

    Raises InvalidInput where it is no form, too large, or names a field twice.
    """
    check_own_origin(request)
    return await foreign_form(request)


async def foreign_form(request: Request) -> dict[str, str]:
    """Return the fields of a form that another machine sent. Raises InvalidInput."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise _bad_form()
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_BYTES_MAX:
            raise _bad_form()
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=FORM_FIELDS_MAX,
        )
    except ValueError as error:
        raise _bad_form() from error
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\0" in value for value in fields.values()):
        raise _bad_form()
    return fields


def check_own_origin(request: Request) -> None:
    """Refuse what another site's page, or a session's own host, made a browser send."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if site not in {"same-origin", "none"} or (origin is not None and not _same(origin, host)):
        raise not_from_here()


def _same(origin: str, host: str) -> bool:
    return urlsplit(origin).netloc.lower() == host.lower()


def not_from_here() -> Denied:
    """Say that a form was not one that this login's own pages gave out."""
    return Denied(
        "csrf_invalid",
        Message(
            "该表单不是由本次登录的页面提交的，未予处理。",
            "This form did not come from a page of this login; nothing was done.",
        ),
        field=TOKEN_FIELD,
        rule="login",
        way_out=Message("请重新打开页面后再提交。", "Open the page again and send it from there."),
    )


def _bad_form() -> InvalidInput:
    return InvalidInput(
        "form_invalid",
        Message("表单无法读取。", "The form cannot be read."),
        field="$",
        rule=f"<= {FORM_BYTES_MAX}",
    )
