"""The platform's page around one session: a frame on the session's own host, under a watermark.

Only this page's ``frame-src`` stops a hostile cell from navigating its own frame elsewhere; a
session opened as a tab of its own is refused by the proxy. The watermark names person and minute;
it lies outside the frame, on another origin, so nothing in the session can take it away. So does
the line of facts: mode, budget, licence, spend, time left (``service.session_strip``).
"""

import base64
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from html import escape

from starlette.responses import HTMLResponse

from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message
from sandbox.proxy_rules import FRAME_FLAGS

TITLE = Message("沙箱会话", "Sandbox session")
NOTICE = Message(
    "隔离沙箱：没有网络；代码、查询与出域均留痕。",
    "Isolated sandbox: no network; code, questions and releases are logged.",
)
MARK = Message("{person} · {time} · 屏幕内容不得外传", "{person} · {time} · not to be passed on")
OVER = Message(
    "会话已结束或已冻结。请从平台重新开通，或联系数据主管部门。",
    "This session has ended or is frozen. Open another, or ask the data authority.",
)
MARKS = 48
VIEW_HEADER = "x-sandgate-view"
_CHINA = timezone(timedelta(hours=8))
_SCRIPT = """
const page = document.body, served = Number(page.dataset.served)
const marks = [...document.querySelectorAll('[data-mark]')], wording = page.dataset.wording
const stamp = () => {
  const now = new Date(served + performance.now() + 8 * 3600 * 1000).toISOString()
  const text = wording.replace('{time}', now.slice(0, 10) + ' ' + now.slice(11, 16))
  for (const mark of marks) mark.textContent = text
}
const strip = document.querySelector('nav'), warned = document.querySelector('[role=status]')
const item = one => {
  const shown = document.createElement('span'), value = document.createElement('b')
  shown.className = one.tone
  value.textContent = one.value
  shown.append(one.label + ' ', value)
  return shown
}
const ask = async () => {
  const path = location.pathname + '/status', headers = {'x-sandgate-view': page.dataset.view}
  const answer = await fetch(path, {headers, cache: 'no-store'}).catch(() => null)
  if (answer && answer.ok) {
    const told = await answer.json()
    strip.replaceChildren(...told.items.map(item))
    warned.textContent = told.warning || ''
  } else if (answer) {
    warned.textContent = page.dataset.over
  }
}
stamp()
setInterval(stamp, 5000)
ask()
setInterval(ask, 15000)
"""
_STYLE = """
html,body{margin:0;height:100%}
body{font-family:system-ui,"Noto Sans CJK SC","WenQuanYi Zen Hei",sans-serif}
body{display:flex;flex-direction:column}
header{padding:.5rem 1rem;background:#14324f;color:#fff;font-size:.9rem;display:flex;gap:1rem}
header span{flex:1;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
header .mark{flex:none}
header .mark,footer{font-variant-numeric:tabular-nums;white-space:nowrap}
footer{padding:.15rem 1rem;background:#e8edf3;color:#14324f;font-size:.75rem;text-align:right}
main{flex:1;position:relative;border-left:6px solid #14324f;border-right:6px solid #14324f}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.6rem;padding:.35rem 1rem;background:#e8edf3}
nav{color:#14324f;font-size:.85rem;min-height:1.2rem}
nav b{font-variant-numeric:tabular-nums}
nav .low b{color:#a4262c}
nav .twin b{background:#fff3c4;padding:0 .3rem}
[role=status]:not(:empty){background:#a4262c;color:#fff;padding:.35rem 1rem;font-size:.9rem}
iframe{position:absolute;inset:0;border:0;width:100%;height:100%}
.over{position:absolute;inset:0;overflow:hidden;pointer-events:none;z-index:2}
.over div{position:absolute;inset:-20%;display:grid;grid-template-columns:repeat(4,1fr)}
.over div{transform:rotate(-18deg);align-items:center;justify-items:center}
.over span{font-size:.95rem;color:#14324f;opacity:.1;white-space:nowrap;user-select:none}
"""
_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><title>{title}</title><style>{style}</style>
</head><body data-served="{served}" data-wording="{wording}" data-view="{view}" data-over="{over}">
<header><b>{title} {session}</b><span>{notice}</span><span class="mark" data-mark>{mark}</span>
</header><nav></nav><div role="status"></div><main>
<iframe title="{title}" src="{url}" sandbox="{flags}" referrerpolicy="no-referrer"></iframe>
<div class="over" aria-hidden="true"><div>{marks}</div></div></main>
<footer data-mark>{mark}</footer><script>{script}</script></body></html>
"""


def session_page(
    session_id: str,
    enter_url: str,
    session_origin: str,
    language: str,
    *,
    person: str,
    now_us: int,
    view: str = "",
) -> HTMLResponse:
    """Return the page that frames one session, entered by a one-time link.

    ``person`` is who it is shown to, by registered name; ``view`` the secret that reads its line of
    facts. The time goes on from the server's, by the
    minute, whatever the reader's clock says; it is China Standard Time.
    """
    wording = MARK.in_language(language).replace("{person}", person)
    mark = escape(wording.replace("{time}", _minute(now_us)))
    page = _PAGE.format(
        language="zh-CN" if language.lower().startswith("zh") else "en",
        title=escape(TITLE.in_language(language)),
        notice=escape(NOTICE.in_language(language)),
        session=escape(session_id),
        url=escape(enter_url),
        flags=FRAME_FLAGS,
        style=_STYLE,
        script=_SCRIPT,
        served=now_us // 1000,
        wording=escape(wording),
        view=escape(view),
        over=escape(OVER.in_language(language)),
        mark=mark,
        marks=f"<span data-mark>{mark}</span>" * MARKS,
    )
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src '{_script_digest()}'; "
        f"connect-src 'self'; frame-src {session_origin}; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    )
    headers = {
        "content-security-policy": policy,
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return HTMLResponse(page, headers=headers)


def _script_digest() -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()}"


def _minute(now_us: int) -> str:
    moment = datetime.fromtimestamp(now_us // MICROSECONDS_PER_SECOND, UTC).astimezone(_CHINA)
    return f"{moment:%Y-%m-%d %H:%M}"
