"""The cookies of logins: one for a login that stands, one for a login on its way.

Over HTTPS both have the ``__Host-`` prefix, so that no neighbouring host, such as a session's own,
can set them; loopback without HTTPS has other names. A name that comes twice is told as it is.
"""

from fastapi import Request, Response

from service.bootstrap import Platform

COOKIE, FLOW_COOKIE = "__Host-sandgate", "__Host-sandgate-login"
COOKIE_OF_DEVELOPMENT = "sandgate-development"
FLOW_COOKIE_OF_DEVELOPMENT = "sandgate-development-login"


def cookie_name(platform: Platform) -> str:
    """Return the cookie's name: the ``__Host-`` prefix wants HTTPS, which loopback has not."""
    return COOKIE if _is_secure(platform) else COOKIE_OF_DEVELOPMENT


def cookie_values(request: Request, name: str) -> list[str]:
    """Return every value that a request's cookie headers give one name."""
    found = []
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            key, separator, value = pair.strip().partition("=")
            if separator and key == name:
                found.append(value)
    return found


def set_login_cookie(response: Response, platform: Platform, secret: str) -> None:
    """Give a browser its session; the cookie ends with the browser."""
    _set(response, platform, cookie_name(platform), secret)


def clear_login_cookie(response: Response, platform: Platform) -> None:
    """Take the session's cookie away."""
    _set(response, platform, cookie_name(platform), "", 0)


def flow_cookie_name(platform: Platform) -> str:
    """Return the name of the cookie of a login on its way."""
    return FLOW_COOKIE if _is_secure(platform) else FLOW_COOKIE_OF_DEVELOPMENT


def set_flow_cookie(response: Response, platform: Platform, flow: str) -> None:
    """Give a browser what shows, when it comes back, that it was the one that left."""
    seconds = platform.login.rules.flow_seconds_max
    _set(response, platform, flow_cookie_name(platform), flow, seconds)


def clear_flow_cookie(response: Response, platform: Platform) -> None:
    """Take away the cookie of a login that arrived."""
    _set(response, platform, flow_cookie_name(platform), "", 0)


def _set(
    response: Response, platform: Platform, name: str, value: str, seconds: int | None = None
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path="/",
        secure=_is_secure(platform),
        httponly=True,
        samesite="lax",
    )


def _is_secure(platform: Platform) -> bool:
    return platform.settings.platform_origin.startswith("https://")
