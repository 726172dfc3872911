"""What a session's host answers by itself: refusals, and bodies that are read only so far."""

from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from foundation.errors import Denied, Message, SandgateError, Unavailable
from sandbox.proxy_rules import security_headers
from sandbox.screen import SlotScreen


def refusal(error: SandgateError, platform_origin: str) -> Response:
    """Return a refusal as problem details; ``message`` is what JupyterLab shows of it."""
    headers = dict(security_headers(platform_origin))
    hint = error.way_out
    body = {
        "type": f"urn:sandgate:{error.kind}",
        "title": error.message.en,
        "status": error.status,
        "detail": f"{error.message.zh} / {error.message.en}",
        "code": error.code,
        "message": f"{error.message.zh} / {error.message.en}"
        + ("" if hint is None else f" {hint.zh} / {hint.en}"),
        "field": error.field,
        "rule": error.rule,
        "way_out": None if hint is None else {"text": f"{hint.zh} / {hint.en}"},
        "messages": {"zh": error.message.zh, "en": error.message.en},
    }
    return JSONResponse(body, error.status, headers=headers, media_type="application/problem+json")


async def bounded_body(request: Request, bytes_max: int) -> bytes:
    """Return a request's body. Raises Denied where it is larger than that."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise Denied(
                "session_request_refused",
                Message(
                    f"请求内容超过 {bytes_max} 字节。",
                    f"The request is larger than {bytes_max} bytes.",
                ),
                field="body",
                rule="policies/screen",
            )
    return bytes(body)


async def bounded_answer(parts: AsyncIterator[bytes], screen: SlotScreen) -> bytes:
    """Return an answer's body. Raises Denied where it is larger than a page may show."""
    body = bytearray()
    async for chunk in parts:
        body += chunk
        if len(body) > screen.rules.display.file_bytes_max:
            raise Denied(
                "session_answer_too_large",
                Message(
                    f"文件超过页面可显示的 {screen.rules.display.file_bytes_max} 字节。",
                    f"Larger than a page shows: {screen.rules.display.file_bytes_max} bytes.",
                ),
                rule="policies/screen",
                way_out=Message("请在代码中分段读取。", "Read it in parts, in code."),
            )
    return bytes(body)


def redirected() -> Denied:
    """Refuse an answer that sends a browser elsewhere."""
    return Denied(
        "session_redirect_refused",
        Message("会话返回了不允许的跳转。", "The session answered with a foreign redirect."),
    )


def unreachable() -> Unavailable:
    """Say that a session's server is not there."""
    return Unavailable(
        "session_unreachable",
        Message("会话没有响应。", "The session does not answer."),
        way_out=Message("请重新开通会话。", "Open a new session."),
    )
