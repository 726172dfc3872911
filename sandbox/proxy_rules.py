"""Which requests may pass between a browser and a hostile session: an allow-list, decided purely.

Method and path (decoded once, strictly), origin, fetch metadata, and the headers that are sent:
of the session's own none is passed on. Everything not listed is refused.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from foundation.errors import Denied, Message

Headers = Iterable[tuple[str, str]]

ENTER_PATH = "/sandgate/enter"
COOKIE = "__Host-sandgate-session"
PATH_BYTES_MAX = 2_048
FRAME_FLAGS = "allow-scripts allow-same-origin allow-forms allow-modals"
_SLOT = re.compile(r"^[a-z2-7]{26}$")
_ID = r"[0-9A-Za-z-]{1,64}"
_FILE = r"[^/]{1,255}(?:/[^/]{1,255}){0,15}"
_GET = (
    "/",
    "/favicon.ico",
    rf"/(?:lab|lab/tree/{_FILE}|lab/tree|lab/workspaces/{_ID}|lab/workspaces/{_ID}/tree/{_FILE})",
    rf"/(?:static|lab/static|lab/extensions|lab/api/themes)/{_FILE}",
    r"/lab/api/settings(?:/[@A-Za-z0-9._:/-]{1,160})?",
    r"/lab/api/translations/?[A-Za-z_-]{0,20}",
    r"/lab/api/listings/[@A-Za-z0-9._/-]{1,80}",
    rf"/lab/api/workspaces(?:/{_ID})?",
    r"/api|/api/status|/api/me|/api/kernelspecs|/api/kernelspecs/python3",
    rf"/api/kernels(?:/{_ID})?",
    rf"/api/sessions(?:/{_ID})?",
    rf"/api/contents(?:/{_FILE})?/?",
    r"/api/config/[a-z]{1,32}",
)
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "GET": _GET,
    "HEAD": _GET,
    "POST": (
        rf"/api/kernels(?:/{_ID}/(?:interrupt|restart))?",
        "/api/sessions",
        rf"/api/contents(?:/(?!(?:.*/)?trust/?$){_FILE})?/?",
    ),
    "PUT": (
        rf"/api/contents/{_FILE}",
        r"/lab/api/settings/[@A-Za-z0-9._:/-]{1,160}",
        rf"/lab/api/workspaces/{_ID}",
    ),
    "PATCH": (rf"/api/contents/{_FILE}", rf"/api/sessions/{_ID}", r"/api/config/[a-z]{1,32}"),
    "DELETE": (
        rf"/api/contents/{_FILE}",
        rf"/api/kernels/{_ID}",
        rf"/api/sessions/{_ID}",
        rf"/lab/api/workspaces/{_ID}",
    ),
    "WEBSOCKET": (rf"/api/kernels/{_ID}/channels", "/api/events/subscribe"),
}
_COMPILED = {
    method: tuple(re.compile(f"(?:{pattern})") for pattern in patterns)
    for method, patterns in _ALLOWED.items()
}
_NEVER_IN_A_PATH = re.compile(r"[\x00-\x1f\x7f\\;%?#]|//|(?:^|/)\.{1,2}(?:/|$)")
_CONTENTS_QUERY: Mapping[str, frozenset[str]] = {
    "content": frozenset({"0", "1"}),
    "type": frozenset({"notebook", "file", "directory"}),
    "format": frozenset({"json", "text"}),
    "hash": frozenset({"0", "1"}),
    "contentProviderId": frozenset({"undefined"}),  # what JupyterLab 4.6 sends for its own drive
}
_STAMP = re.compile(r"^[0-9]{1,20}$")
_NEVER_IN_A_QUERY = frozenset({"token", "download"})
_REQUEST_HEADERS = frozenset({"accept", "accept-language", "content-type"})


@dataclass(frozen=True)
class Asked:
    """One request as the browser sent it: the raw path is still percent-encoded."""

    method: str
    raw_path: bytes
    raw_query: bytes
    headers: Mapping[str, str]


def slot_of_host(host: str, platform_host: str) -> str | None:
    """Return the slot that a Host header names; None where it names the platform or nothing."""
    name = host.rsplit(":", 1)[0] if re.search(r":[0-9]{1,5}$", host) else host
    slot, dot, rest = name.partition(".")
    return slot if dot and rest == platform_host and _SLOT.match(slot) else None


def check_request(asked: Asked, origin: str) -> tuple[str, str]:
    """Return the decoded path and the query to forward. Raises Denied for anything not listed."""
    check_provenance(asked, origin)
    path = decoded_path(asked.raw_path)
    if not any(pattern.fullmatch(path) for pattern in _COMPILED.get(asked.method, ())):
        raise _refused("path", "该操作不在会话允许的范围内。", "A session may not do this.")
    return path, checked_query(path, asked.raw_query)


def decoded_path(raw_path: bytes) -> str:
    """Decode a path once. Raises Denied for a path that two readers could read differently."""
    if len(raw_path) > PATH_BYTES_MAX or not raw_path.startswith(b"/"):
        raise _refused("path", "路径过长或格式不正确。", "The path is too long or malformed.")
    try:
        path = unquote_to_bytes(raw_path).decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("path", "路径不是有效的 UTF-8。", "The path is not UTF-8.") from None
    if _NEVER_IN_A_PATH.search(path):
        raise _refused("path", "路径含有不允许的字符。", "The path holds a forbidden character.")
    return path


def checked_query(path: str, raw_query: bytes) -> str:
    """Return the query to forward. Raises Denied for downloads and for bulk formats."""
    text = raw_query.decode("ascii", "replace")
    pairs = parse_qsl(text, keep_blank_values=True)
    for name, value in pairs:
        listed = not path.startswith("/api/contents") or _contents_query_allows(name, value)
        if name.lower() in _NEVER_IN_A_QUERY or not listed:
            raise _refused(
                "query",
                "会话中的文件不能下载，结果须经出域审核。",
                "Files of a session cannot be downloaded; results leave through the release desk.",
            )
    return text


def check_provenance(asked: Asked, origin: str) -> None:
    """Raise Denied unless our own page asks: other origins, sibling sessions and tabs do not.

    Jupyter's own checks are off under token authentication, so these are the only ones.
    """
    reading = asked.method in {"GET", "HEAD"}
    sent = asked.headers.get("origin")
    if sent != origin and not (reading and sent is None):
        raise _refused("origin", "请求来源不是本会话页面。", "The request is not from our page.")
    site = asked.headers.get("sec-fetch-site", "same-origin")
    framed = asked.headers.get("sec-fetch-dest") == "iframe" and reading
    if site != "same-origin" and not framed:
        raise _refused("sec-fetch-site", "不接受跨站请求。", "Cross-site requests are refused.")
    if asked.headers.get("sec-fetch-dest") in {"document", "embed", "object", "frame"}:
        raise _refused(
            "sec-fetch-dest",
            "会话只能在平台页面中打开。",
            "A session opens only inside the platform's page.",
        )


def forwarded_request_headers(headers: Headers, token: str) -> list[tuple[str, str]]:
    """Return what the session's server is told: no cookie, no address, our own token."""
    kept = [(name, value) for name, value in headers if name.lower() in _REQUEST_HEADERS]
    return [*kept, ("authorization", f"token {token}"), ("accept-encoding", "identity")]


def security_headers(platform_origin: str) -> list[tuple[str, str]]:
    """Return the headers under which no page of a session can call out."""
    return [
        ("content-security-policy", content_security_policy(platform_origin)),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("x-dns-prefetch-control", "off"),
        ("permissions-policy", "camera=(), microphone=(), geolocation=(), clipboard-write=()"),
    ]


def content_security_policy(platform_origin: str) -> str:
    """Return the policy of session pages: every fetch, form and frame stays on its own origin.

    Scripts are the host's own files and nothing else: no inline script, no handler in markup. Both
    ``unsafe-eval`` (JupyterLab's schema checks and Vega compile functions) and inline styles stay.
    """
    return (
        "default-src 'self'; script-src 'self' 'unsafe-eval'; "
        "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        "connect-src 'self'; worker-src 'self' blob:; frame-src 'self'; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; "
        f"frame-ancestors {platform_origin}; sandbox {FRAME_FLAGS}"
    )


def session_cookie(value: str) -> str:
    """Return the Set-Cookie line: ``__Host-`` (no sibling can plant it) and never for scripts.

    Strict works in the platform's frame because both hosts are one site: the platform's host
    must have a registrable domain, as ``sandgate.localhost`` has and bare ``localhost`` has not.
    """
    return f"{COOKIE}={value}; Path=/; Secure; HttpOnly; SameSite=Strict"


def _contents_query_allows(name: str, value: str) -> bool:
    if value == "" and _STAMP.match(name):  # the client's cache buster
        return True
    return value in _CONTENTS_QUERY.get(name, frozenset())


def _refused(field: str, zh: str, en: str) -> Denied:
    return Denied("session_request_refused", Message(zh, en), field=field, rule="proxy allow-list")
