"""The platform's page around one session: a frame on the session's own host, and nothing else.

Only this page's ``frame-src`` stops a hostile cell from navigating its own frame elsewhere; a
session opened as a tab of its own is refused by the proxy.
"""

from html import escape

from starlette.responses import HTMLResponse

from foundation.errors import Message
from sandbox.proxy_rules import FRAME_FLAGS

TITLE = Message("沙箱会话", "Sandbox session")
NOTICE = Message(
    "本页面在隔离沙箱中运行：没有网络，输出按授权处理，查询与出域均留痕。",
    "This page runs in an isolated sandbox: no network, answers shaped by "
    "licence, questions and releases logged.",
)
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title><style>
html,body{{margin:0;height:100%}}
body{{font-family:system-ui,"Noto Sans CJK SC","WenQuanYi Zen Hei",sans-serif}}
body{{display:flex;flex-direction:column}}
header{{padding:.5rem 1rem;background:#14324f;color:#fff;font-size:.9rem}}
header b{{margin-right:1rem}} iframe{{flex:1;border:0;width:100%}}
</style></head><body><header><b>{title} {session}</b>{notice}</header>
<iframe title="{title}" src="{url}" sandbox="{flags}" referrerpolicy="no-referrer"></iframe>
</body></html>
"""


def session_page(
    session_id: str, enter_url: str, session_origin: str, language: str
) -> HTMLResponse:
    """Return the page that frames one session, entered by a one-time link."""
    chinese = language.lower().startswith("zh")
    page = _PAGE.format(
        language="zh-CN" if chinese else "en",
        title=escape(TITLE.in_language(language)),
        notice=escape(NOTICE.in_language(language)),
        session=escape(session_id),
        url=escape(enter_url),
        flags=FRAME_FLAGS,
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; frame-src {session_origin}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return HTMLResponse(page, headers=headers)
