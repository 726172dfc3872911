"""Errors to HTTP, in one table: RFC 9457 problem details in the caller's language.

A caller sees a stable code, a sentence in both languages, the field, the rule and the way out.
What was not foreseen becomes one fixed sentence; its text stays in the server's own log.
"""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from foundation.errors import InvalidInput, Message, SandgateError

log = logging.getLogger("sandgate.service")

PROBLEM = "application/problem+json"
UNEXPECTED = Message(
    "平台内部错误。请求未生效；请把时间和请求编号告知平台管理员。",
    "The platform failed. Nothing took effect; tell the platform's administrator the time.",
)
_HTTP_SENTENCES: dict[int, Message] = {
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
        "名称只能用小写字母、数字和下划线，并以字母开头。",
        "Use lower-case letters, digits and underscores, starting with a letter.",
    ),
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
    "model_attributes_type": Message("应为对象。", "This must be an object."),
    "dict_type": Message("应为对象。", "This must be an object."),
    "tuple_type": Message("应为列表。", "This must be a list."),
    "list_type": Message("应为列表。", "This must be a list."),
}
_FORM_DEFAULT = Message("此字段不符合要求。", "This field is not as required.")


def invalid_form(error: dict[str, Any]) -> InvalidInput:
    """Turn one pydantic error into ours: the field's path, the rule's name, what is allowed."""
    field = ".".join(str(part) for part in error["loc"] if part != "body")
    sentence = _FORM_SENTENCES.get(error["type"], _FORM_DEFAULT)
    context = error.get("ctx", {})
    limit = next(
        (context[key] for key in ("ge", "le", "expected", "max_length") if key in context), ""
    )
    suffix = f" [{limit}]" if limit != "" else ""
    return InvalidInput(
        "invalid_field",
        Message(f"字段 {field}：{sentence.zh}{suffix}", f"Field {field}: {sentence.en}{suffix}"),
        field=field,
        rule=error["type"],
    )


def language_of(request: Request) -> str:
    """Return the caller's language: English where it is asked for first, else Chinese."""
    wanted = request.headers.get("accept-language", "zh").split(",")[0].strip().lower()
    return "en" if wanted.startswith("en") else "zh"


def problem(error: SandgateError, language: str) -> dict[str, object]:
    """Return an error as RFC 9457 members and our own: code, field, rule, way_out, messages."""
    way_out = error.way_out
    return {
        "type": f"urn:sandgate:problem:{error.code}",
        "title": error.kind,
        "status": error.status,
        "detail": error.message.in_language(language),
        "code": error.code,
        "field": error.field,
        "rule": error.rule,
        "way_out": None
        if way_out is None
        else {
            "text": way_out.in_language(language),
            "zh": way_out.zh,
            "en": way_out.en,
            "sql": error.allowed_sql,
        },
        "messages": {"zh": error.message.zh, "en": error.message.en},
    }


def respond(error: SandgateError, request: Request) -> JSONResponse:
    """Answer a request with an error."""
    body = problem(error, language_of(request))
    return JSONResponse(body, status_code=error.status, media_type=PROBLEM)


def install(app: FastAPI) -> None:
    """Route every kind of failure of an application through this table."""

    @app.exception_handler(SandgateError)
    def _ours(request: Request, error: SandgateError) -> JSONResponse:
        return respond(error, request)

    @app.exception_handler(RequestValidationError)
    def _form(request: Request, error: RequestValidationError) -> JSONResponse:
        return respond(invalid_form(dict(error.errors()[0])), request)

    @app.exception_handler(ValidationError)
    def _model(request: Request, error: ValidationError) -> JSONResponse:
        return respond(invalid_form(dict(error.errors()[0])), request)

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> JSONResponse:
        sentence = _HTTP_SENTENCES.get(
            error.status_code, Message("请求无法处理。", "The request cannot be served.")
        )
        ours = SandgateError(f"http_{error.status_code}", sentence)
        ours.status = error.status_code
        return respond(ours, request)

    @app.exception_handler(Exception)
    def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        log.error("unforeseen %s at %s", type(error).__name__, request.url.path)
        return respond(SandgateError("internal", UNEXPECTED), request)
