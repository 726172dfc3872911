"""What a request must be before any endpoint reads it: one honest JSON document of limited size.

Refused: another media type, too many bytes, text that is not UTF-8, malformed JSON, a name given
twice, deep nesting, NaN, numbers beyond 64 bits, NUL, lone surrogates, a number or a truth sent as
another type. Path and query hold no control characters.
"""

import json
import math
import unicodedata
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.types import Message as Chunk
from starlette.types import Receive

from foundation.errors import InvalidInput, Message
from service.api.kinds import check_kinds

BODY_BYTES_MAX = 4 << 20
DEPTH_MAX = 32
ADDRESS_CHARACTERS_MAX = 200
INTEGER_MAX = 2**63 - 1
_DIGITS_MAX = 20
_SHOWN_CHARACTERS_MAX = 80

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class BodyTooLarge(InvalidInput):
    """The body has more bytes than any endpoint takes."""

    status = 413


class WrongMediaType(InvalidInput):
    """The body is of another media type than the endpoint reads."""

    status = 415


class UploadRoute(APIRoute):
    """A route whose body is a file: only its address is checked here."""

    def get_route_handler(self) -> Handler:
        """Check the address, then let the route's own handler read the stream."""
        handler = super().get_route_handler()

        async def upload_handler(request: Request) -> Response:
            check_address(request)
            return await handler(request)

        return upload_handler


class StrictRoute(APIRoute):
    """A route that reads a request's address and body only after they were found in order."""

    def get_route_handler(self) -> Handler:
        """Check first, then let the route's own handler read."""
        handler = super().get_route_handler()
        body = None if self.body_field is None else self.body_field.field_info.annotation
        reader = None if body is None else TypeAdapter(body)

        async def strict_handler(request: Request) -> Response:
            self.admit(request)
            check_address(request)
            limited = Request(request.scope, limited_body(request.receive))
            if reader is not None:
                check_media_type(limited)
                whole = await limited.body()
                check_kinds(reader, whole, check_json(whole))
            return await self.serve(limited, handler)

        return strict_handler

    def admit(self, request: Request) -> None:
        """Refuse who may not even be read; a kind of route may ask for a token here."""

    async def serve(self, request: Request, handler: Handler) -> Response:
        """Answer a checked request; a kind of route may do more around it."""
        return await handler(request)


def check_address(request: Request) -> None:
    """Refuse path or query values that are overlong or hold control characters."""
    values = [*request.path_params.items(), *request.query_params.multi_items()]
    for name, value in values:
        if len(str(value)) > ADDRESS_CHARACTERS_MAX or any(map(_is_control, str(value))):
            raise InvalidInput(
                "address_invalid",
                Message(
                    f"地址中的“{_shown(name)}”过长或含有控制字符。",
                    f"The value of {_shown(name)} in the address is too long or holds control "
                    "characters.",
                ),
                field=_shown(name),
                rule=f"<= {ADDRESS_CHARACTERS_MAX}",
            )


def check_media_type(request: Request) -> None:
    """Refuse a body that does not say it is JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise WrongMediaType(
            "content_type_not_json",
            Message(
                "请求体须为 JSON，并带有 Content-Type: application/json。",
                "The body must be JSON, sent with Content-Type: application/json.",
            ),
            field="Content-Type",
            rule="RFC 8259",
        )


def check_json(body: bytes) -> object:
    """Read a body; refuse what two readers could read differently, or what no store can hold."""
    try:
        text = body.decode()
        document: object = json.loads(
            text,
            object_pairs_hook=_without_duplicates,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_number,
        )
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise _invalid(
            "body_not_json",
            "请求体不是有效的 UTF-8 JSON。",
            "The body is not valid JSON in UTF-8.",
        ) from error
    for text in _texts(document):
        if any(character == "\0" or _is_surrogate(character) for character in text):
            raise _invalid(
                "text_invalid",
                "文本中含有空字符（NUL）或不成对的代理码点，请删除。",
                "A text holds a NUL or a lone surrogate: remove it.",
                field=_shown(text),
            )
    return document


def _texts(document: object) -> Iterator[str]:
    """Walk every name and text of a document without recursion, to a limited depth."""
    level = [document]
    for _depth in range(DEPTH_MAX):
        below: list[object] = []
        for item in level:
            if isinstance(item, str):
                yield item
            elif isinstance(item, dict):
                yield from item
                below.extend(item.values())
            elif isinstance(item, list):
                below.extend(item)
        if not below:
            return
        level = below
    raise _too_deep()


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid(
                "field_twice",
                f"字段“{_shown(name)}”出现了两次。",
                f"The field {_shown(name)} stands twice.",
                field=_shown(name),
            )
        found[name] = value
    return found


def _integer(text: str) -> int:
    if len(text) > _DIGITS_MAX or abs(int(text)) > INTEGER_MAX:
        raise _beyond(text)
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise _beyond(text)
    return value


def _beyond(text: str) -> InvalidInput:
    return _invalid(
        "number_out_of_range",
        "数值超出 64 位整数或有限小数的范围。",
        "A number lies beyond 64-bit integers or finite decimals.",
        field=_shown(text),
    )


def _too_deep() -> InvalidInput:
    return _invalid(
        "body_too_deep",
        f"请求体嵌套超过 {DEPTH_MAX} 层。",
        f"The body nests deeper than {DEPTH_MAX} levels.",
    )


def _invalid(code: str, zh: str, en: str, field: str = "$") -> InvalidInput:
    return InvalidInput(code, Message(zh, en), field=field, rule="RFC 8259")


def limited_body(receive: Receive, bytes_max: int = BODY_BYTES_MAX) -> Receive:
    """Count the body's bytes as they come in, and stop at the limit. Raises BodyTooLarge."""
    received = 0

    async def counted() -> Chunk:
        nonlocal received
        chunk = await receive()
        received += len(chunk.get("body", b""))
        if received > bytes_max:
            raise BodyTooLarge(
                "body_too_large",
                Message(
                    f"请求体超过 {bytes_max} 字节的上限。",
                    f"The body is over {bytes_max} bytes.",
                ),
                field="$",
                rule=f"<= {bytes_max}",
            )
        return chunk

    return counted


def _shown(text: str) -> str:
    """Return the start of a foreign text in a form that is safe to show."""
    return json.dumps(text[:_SHOWN_CHARACTERS_MAX])[1:-1]


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs"}
