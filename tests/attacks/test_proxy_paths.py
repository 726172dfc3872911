"""Odd methods, paths, queries and origins: none passes the session proxy's allow-list."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import Denied
from sandbox.proxy_rules import (
    Asked,
    check_request,
    content_security_policy,
    decoded_path,
    forwarded_request_headers,
    session_cookie,
    slot_of_host,
)

SLOT = "a" * 26
ORIGIN = f"http://{SLOT}.localhost:8600"
KERNEL = "0f1b2c3d-0000-4000-8000-0123456789ab"

DENIED = (
    ("GET", "/files/secret.csv", ""),
    ("GET", "/files", ""),
    ("GET", "/%66iles/secret.csv", ""),
    ("GET", "/%2566iles/secret.csv", ""),
    ("GET", "/lab/../files/secret.csv", ""),
    ("GET", "/lab/%2e%2e/files/secret.csv", ""),
    ("GET", "/lab/tree/..%2f..%2ffiles/secret.csv", ""),
    ("GET", "/lab/tree/.", ""),
    ("GET", "/static/../files/x", ""),
    ("GET", "/static/%2e%2e%2ffiles/x", ""),
    ("GET", "//files/secret.csv", ""),
    ("GET", "/lab//files", ""),
    ("GET", "/lab;/files", ""),
    ("GET", "/lab%3b/files", ""),
    ("GET", "/lab\\..\\files", ""),
    ("GET", "/lab%5c..%5cfiles", ""),
    ("GET", "/lab%00", ""),
    ("GET", "/lab%0d%0aSet-Cookie:x", ""),
    ("GET", "/lab%23", ""),
    ("GET", "/lab%3fdownload=1", ""),
    ("GET", "/lab%ff", ""),
    ("GET", "/lab%c0%af..", ""),
    ("GET", "lab", ""),
    ("GET", "*", ""),
    ("GET", "http://evil.example/lab", ""),
    ("GET", "/view/x.html", ""),
    ("GET", "/nbconvert/html/x.ipynb", ""),
    ("GET", "/api/nbconvert", ""),
    ("GET", "/api/terminals", ""),
    ("POST", "/api/terminals", ""),
    ("GET", "/terminals/websocket/1", ""),
    ("WEBSOCKET", "/terminals/websocket/1", ""),
    ("WEBSOCKET", "/lsp/ws/pylsp", ""),
    ("WEBSOCKET", f"/api/kernels/{KERNEL}", ""),
    ("WEBSOCKET", f"/api/kernels/{KERNEL}/channels", "token=x"),
    ("POST", "/api/shutdown", ""),
    ("GET", "/logout", ""),
    ("GET", "/login", ""),
    ("POST", "/login", ""),
    ("GET", "/metrics", ""),
    ("GET", "/api/metrics/v1", ""),
    ("GET", "/lsp/status", ""),
    ("GET", "/tree", ""),
    ("GET", "/notebooks/x.ipynb", ""),
    ("GET", "/edit/x.py", ""),
    ("GET", "/custom/custom.js", ""),
    ("GET", "/lab/api/extensions", ""),
    ("POST", "/lab/api/extensions", ""),
    ("POST", "/lab/api/build", ""),
    ("GET", "/lab/api/news", ""),
    ("POST", "/api/events", ""),
    ("PUT", "/api/kernelspecs/python3", ""),
    ("DELETE", "/api/kernelspecs/python3", ""),
    ("POST", "/api/security/csp-report", ""),
    ("TRACE", "/lab", ""),
    ("CONNECT", "/lab", ""),
    ("OPTIONS", "/lab", ""),
    ("PROPFIND", "/lab", ""),
    ("get", "/lab", ""),
    ("GET", "/api/contents/x.csv", "download=1"),
    ("GET", "/api/contents/x.csv", "Download=1"),
    ("GET", "/api/contents/x.csv", "%64ownload=1"),
    ("GET", "/api/contents/x.png", "format=base64"),
    ("GET", "/api/contents/x.png", "content=1&format=base64"),
    ("GET", "/api/contents/x.png", "type=file&type=secret"),
    ("GET", "/lab", "token=stolen"),
    ("GET", "/lab/" + "x" * 4000, ""),
    ("GET", "/lab/tree/" + "/".join("abcdefghijklmnopqrstuvwxyz"), ""),
)

ALLOWED = (
    ("GET", "/lab", ""),
    ("GET", "/lab/tree/%E7%AC%94%E8%AE%B0.ipynb", ""),
    ("GET", "/lab/workspaces/auto-4/tree/a/b.ipynb", ""),
    ("GET", "/static/lab/main.1a2b.js", "v=1a2b"),
    ("GET", "/lab/extensions/@jupyterlab/x/static/remote.js", ""),
    ("GET", "/lab/api/settings/@jupyterlab/apputils-extension:themes", ""),
    ("GET", "/api/contents/", "content=1&hash=0&1763800000000"),
    ("GET", "/api/contents/a/b.ipynb", "type=notebook&content=1"),
    ("GET", "/api/contents/a/b.ipynb/checkpoints", ""),
    ("POST", "/api/sessions", ""),
    ("POST", f"/api/kernels/{KERNEL}/interrupt", ""),
    ("PUT", "/api/contents/a/b.ipynb", ""),
    ("PATCH", "/api/contents/a.ipynb", ""),
    ("DELETE", "/api/contents/a.ipynb", ""),
    ("WEBSOCKET", f"/api/kernels/{KERNEL}/channels", "session_id=x"),
)


def asked(method: str, path: str, query: str = "", **headers: str) -> Asked:
    sent = {"origin": ORIGIN, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Asked(method, path.encode(), query.encode(), {k: v for k, v in sent.items() if v})


def test_there_are_enough_odd_paths() -> None:
    assert len(DENIED) >= 40


@pytest.mark.parametrize(("method", "path", "query"), DENIED)
def test_denied(method: str, path: str, query: str) -> None:
    with pytest.raises(Denied):
        check_request(asked(method, path, query), ORIGIN)


@pytest.mark.parametrize(("method", "path", "query"), ALLOWED)
def test_allowed(method: str, path: str, query: str) -> None:
    check_request(asked(method, path, query), ORIGIN)


@given(st.text(max_size=40), st.integers(min_value=0, max_value=3))
def test_no_tail_makes_a_denied_handler_reachable(tail: str, depth: int) -> None:
    prefix = "/lab" + "/.." * depth
    path = f"{prefix}/files/{tail}".encode("utf-8", "replace")
    with pytest.raises(Denied):
        check_request(Asked("GET", path, b"", {"origin": ORIGIN}), ORIGIN)


@given(st.binary(max_size=60))
def test_a_decoded_path_never_decodes_further(raw: bytes) -> None:
    try:
        path = decoded_path(b"/" + raw)
    except Denied:
        return
    assert decoded_path(path.encode()) == path
    assert ".." not in path.split("/")


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:8600"},
        {"origin": f"http://{'b' * 26}.localhost:8600"},
        {"origin": f"https://{SLOT}.localhost:8600"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_dest": "document"},
        {"sec_fetch_dest": "object"},
        {"sec_fetch_dest": "embed"},
        {"sec_fetch_dest": "frame"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "WEBSOCKET"])
def test_foreign_origins_sibling_sessions_and_tabs_are_refused(
    method: str, headers: dict[str, str]
) -> None:
    path = f"/api/kernels/{KERNEL}/channels" if method == "WEBSOCKET" else "/api/sessions"
    with pytest.raises(Denied):
        check_request(asked(method, path, **headers), ORIGIN)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "WEBSOCKET"])
def test_a_change_without_an_origin_is_refused(method: str) -> None:
    with pytest.raises(Denied):
        check_request(asked(method, "/api/contents/a.ipynb", origin=""), ORIGIN)


def test_our_own_frame_may_be_entered() -> None:
    framed = asked("GET", "/lab", origin="", sec_fetch_site="cross-site", sec_fetch_dest="iframe")
    assert check_request(framed, ORIGIN) == ("/lab", "")
    with pytest.raises(Denied):
        check_request(
            asked("POST", "/api/sessions", sec_fetch_site="cross-site", sec_fetch_dest="iframe"),
            ORIGIN,
        )


@pytest.mark.parametrize(
    "host",
    [
        "localhost:8600",
        "127.0.0.1:8600",
        f"{SLOT}.localhost.evil.example",
        f"{SLOT}.evil.example",
        f"x.{SLOT}.localhost",
        f"{SLOT.upper()}.localhost",
        f"{SLOT}x.localhost",
        ".localhost",
        f"{SLOT}.localhost:8600:1",
        f"{SLOT}.localhost\x00",
        "",
    ],
)
def test_only_a_slots_own_host_names_it(host: str) -> None:
    assert slot_of_host(host, "localhost") is None


def test_a_slots_host_names_it_with_and_without_port() -> None:
    assert slot_of_host(f"{SLOT}.localhost", "localhost") == SLOT
    assert slot_of_host(f"{SLOT}.localhost:8600", "localhost") == SLOT


def test_the_session_hears_no_cookie_and_no_address() -> None:
    sent = [
        ("Cookie", "platform=secret"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Authorization", "Bearer platform"),
        ("Referer", "http://localhost/"),
        ("Accept", "text/html"),
    ]
    forwarded = dict(forwarded_request_headers(sent, "ui"))
    assert forwarded == {
        "Accept": "text/html",
        "authorization": "token ui",
        "accept-encoding": "identity",
    }


def test_the_policy_names_no_other_origin_but_the_platform() -> None:
    policy = content_security_policy("https://platform.example")
    assert policy.count("https://") == 1
    assert "frame-ancestors https://platform.example" in policy
    assert "connect-src 'self'" in policy
    assert "*" not in policy
    assert "script-src 'self' 'unsafe-eval';" in policy


def test_the_cookie_is_bound_to_its_host_and_hidden_from_scripts() -> None:
    strict = session_cookie("v")
    assert strict.startswith("__Host-")
    assert "Secure; HttpOnly; SameSite=Strict" in strict
    assert "Domain" not in strict
