"""Errors to HTTP, in one table: RFC 9457 problem details in the caller's language.

A caller sees a stable code, a sentence in both languages, the field, the rule and the way out.
What was not foreseen becomes one fixed sentence. What policy denies a known caller is an entry of
the log: an attempt beyond one's role or duties is evidence too.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from audit.events import AuditEvent
from audit.tags import EntryKind
from foundation.errors import Denied, InvalidInput, Message, SandgateError, Unauthenticated
from service.openapi import PROBLEM, methods_of

log = logging.getLogger("sandgate.service")

BEARER_WANTED = {"WWW-Authenticate": "Bearer"}
FIELD_CHARACTERS_MAX = 200
_METHOD_NOT_ALLOWED = 405
LIMIT_CHARACTERS_MAX = 500
UNEXPECTED = Message(
    "平台内部错误，请求未完成。请把发生时间告知平台管理员。",
    "The platform failed and did not finish this request. Tell the administrator the time.",
)
_HTTP_SENTENCES: dict[int, Message] = {
    400: Message("请求无法解析。", "The request cannot be read."),
    404: Message("没有这个地址。", "There is no such address."),
    405: Message("这个地址不接受该方法。", "This address does not take that method."),
}
_FORM_SENTENCES: dict[str, Message] = {
    "missing": Message("缺少必填字段。", "This field is required."),
    "extra_forbidden": Message("不认识的字段；请删除。", "Unknown field: remove it."),
    "string_too_short": Message("内容不能为空。", "This must not be empty."),
    "string_too_long": Message("内容过长。", "This is too long."),
    "string_type": Message("应为文本。", "This must be text."),
    "string_pattern_mismatch": Message(
        "格式不符，请使用规定的字符和长度。",
        "The form is not as prescribed; use only the characters and length of the pattern.",
    ),
    "string_unicode": Message("含有无效的文字编码。", "This holds invalid text encoding."),
    "bool_parsing": Message("应为 true 或 false。", "This must be true or false."),
    "int_parsing_size": Message("数值过大。", "This number is too large."),
    "finite_number": Message("应为有限数值。", "This must be a finite number."),
    "float_type": Message("应为数值。", "This must be a number."),
    "float_parsing": Message("应为数值。", "This must be a number."),
    "greater_than": Message("数值须大于下限。", "This must be above its lower limit."),
    "less_than": Message("数值须小于上限。", "This must be below its upper limit."),
    "date_from_datetime_parsing": Message("应为 YYYY-MM-DD 日期。", "Write a date as YYYY-MM-DD."),
    "date_parsing": Message("应为 YYYY-MM-DD 日期。", "Write a date as YYYY-MM-DD."),
    "int_type": Message("应为整数。", "This must be a whole number."),
    "int_parsing": Message("应为整数。", "This must be a whole number."),
    "int_from_float": Message("应为整数，不接受小数。", "This must be a whole number."),
    "bool_type": Message("应为 true 或 false。", "This must be true or false."),
    "greater_than_equal": Message("数值低于下限。", "This is below its lower limit."),
    "less_than_equal": Message("数值高于上限。", "This is above its upper limit."),
    "enum": Message("不在允许的取值之内。", "This is not one of the allowed values."),
    "literal_error": Message("不在允许的取值之内。", "This is not one of the allowed values."),
    "too_short": Message("至少需要一项。", "At least one item is required."),
    "too_long": Message("项数过多。", "There are too many items."),
    "json_invalid": Message("请求体不是有效的 JSON。", "The body is not valid JSON."),
    "model_type": Message("应为对象。", "This must be an object."),
    "model_attributes_type": Message("应为对象。", "This must be an object."),
    "dict_type": Message("应为对象。", "This must be an object."),
    "tuple_type": Message("应为列表。", "This must be a list."),
    "list_type": Message("应为列表。", "This must be a list."),
}
_LIMITS = ("ge", "le", "gt", "lt", "expected", "max_length", "pattern")
_FORM_DEFAULT = Message("此字段不符合要求。", "This field is not as required.")


def invalid_form(error: Mapping[str, Any]) -> InvalidInput:
    """Turn one pydantic error into ours: the field's path, the rule's name, what is allowed."""
    path = ".".join(str(part) for part in error["loc"] if part != "body")
    field = json.dumps(path[:FIELD_CHARACTERS_MAX], ensure_ascii=not path.isprintable())[1:-1]
    sentence = _FORM_SENTENCES.get(error["type"], _FORM_DEFAULT)
    context = error.get("ctx", {})
    limit = str(next((context[key] for key in _LIMITS if key in context), ""))
    if len(limit) > LIMIT_CHARACTERS_MAX:
        limit = f"{limit[:LIMIT_CHARACTERS_MAX]}…"
    suffix = f" [{limit}]" if limit else ""
    subject = Message(f"字段 {field}", f"Field {field}") if field else Message("请求体", "The body")
    return InvalidInput(
        "invalid_field",
        Message(f"{subject.zh}：{sentence.zh}{suffix}", f"{subject.en}: {sentence.en}{suffix}"),
        field=field or "$",
        rule=error["type"],
    )


def language_of(request: Request) -> str:
    """Return the caller's language: English where it is asked for first, else Chinese."""
    wanted = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
    return "en" if wanted.startswith("en") else "zh"


ALLOWED_FORM = Message("可改用下面的写法。", "This form would be allowed.")


def problem(error: SandgateError, language: str) -> dict[str, object]:
    """Return an error as RFC 9457 members and our own: code, field, rule, way_out, messages."""
    return {
        "type": f"urn:sandgate:problem:{error.code}",
        "title": error.kind,
        "status": error.status,
        "detail": error.message.in_language(language),
        "code": error.code,
        "field": error.field,
        "rule": error.rule,
        "way_out": _way_out(error, language),
        "messages": {"zh": error.message.zh, "en": error.message.en},
        **_queue(error),
    }


def _queue(error: SandgateError) -> dict[str, object]:
    """Return where the caller stands, where this is a matter of waiting."""
    waits = {"place": error.place, "retry_seconds": error.retry_seconds}
    return {name: value for name, value in waits.items() if value is not None}


def _way_out(error: SandgateError, language: str) -> dict[str, object] | None:
    if error.way_out is None and error.allowed_sql is None:
        return None
    words = error.way_out or ALLOWED_FORM
    return {
        "text": words.in_language(language),
        "zh": words.zh,
        "en": words.en,
        "sql": error.allowed_sql,
    }


def respond(error: SandgateError, request: Request) -> JSONResponse:
    """Answer a request with an error."""
    body = problem(error, language_of(request))
    headers = dict(BEARER_WANTED) if error.status == Unauthenticated.status else {}
    if error.challenge is not None:
        headers["WWW-Authenticate"] = error.challenge
    if error.retry_seconds is not None:
        headers["Retry-After"] = str(error.retry_seconds)
    return Problem(body, status_code=error.status, headers=headers)


class Problem(JSONResponse):
    """A problem's body; whatever a caller sent, it can be encoded."""

    media_type = PROBLEM

    def render(self, content: object) -> bytes:
        """Encode as UTF-8, a lone surrogate as a question mark."""
        return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")


def log_denial(error: SandgateError, request: Request) -> None:
    """Write the entry of a denial, where a known caller met it and none was written yet."""
    actor = getattr(request.state, "actor", None)
    if not isinstance(error, Denied) or error.logged or actor is None:
        return
    public = {"route": f"{request.method} {request.url.path}"[:200], "code": error.code}
    event = AuditEvent(EntryKind.REQUEST_REFUSED, actor, public)
    try:
        request.app.state.platform.denials.record((actor.person, "api"), event, {"route": "api"})
    except SandgateError as unwritten:
        log.warning("a denial could not be logged: %s", unwritten.code)


def install(app: FastAPI) -> None:
    """Route every kind of failure of an application through this table."""

    @app.exception_handler(SandgateError)
    def _ours(request: Request, error: SandgateError) -> JSONResponse:
        log_denial(error, request)
        return respond(error, request)

    @app.exception_handler(RequestValidationError)
    def _form(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        others = methods_of(request, but=request.scope.get("route"))
        if first["loc"][0] == "path" and others and request.method not in others:
            return _http_problem(request, _METHOD_NOT_ALLOWED, {"Allow": ", ".join(others)})
        return respond(invalid_form(first), request)

    @app.exception_handler(ValidationError)
    def _model(request: Request, error: ValidationError) -> JSONResponse:
        return respond(invalid_form(error.errors()[0]), request)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        headers = dict(error.headers or {})
        if error.status_code == _METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(methods_of(request))
        return _http_problem(request, error.status_code, headers)

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen %s at %s", type(error).__name__, request.url.path)
        return respond(SandgateError("internal", UNEXPECTED), request)


def _http_problem(request: Request, status: int, headers: Mapping[str, str]) -> JSONResponse:
    """Answer what no endpoint of ours was asked for."""
    sentence = _HTTP_SENTENCES.get(
        status, Message("请求无法处理。", "The request cannot be served.")
    )
    ours = SandgateError(f"http_{status}", sentence)
    ours.status = status
    response = respond(ours, request)
    response.headers.update(headers)
    return response
