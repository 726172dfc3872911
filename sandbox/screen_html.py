"""Makes HTML and SVG of a session inert: what is left can neither run, call out, nor ask for input.

The one door to the sanitizer (nh3, after Ammonia): an allow-list of elements and attributes. The
words looked for here only decide whether the reader is told; what is removed, nh3 decides.
"""

import re
from collections.abc import Mapping
from html import escape

import nh3

from foundation.errors import Message

_CELL = {"colspan", "rowspan", "align", "scope"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _words(
    "a abbr b blockquote br caption code col colgroup dd details div dl dt em figcaption figure "
    "h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s samp section small span strong sub summary "
    "sup table tbody td tfoot th thead time tr u ul"
)
_ATTRIBUTES: Mapping[str, set[str]] = {
    "*": {"class", "title", "style", "lang", "dir", "role", "aria-label", "tabindex"},
    "a": {"href"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "table": {"border"},
    "td": _CELL,
    "th": _CELL,
}
_STYLES = _words(
    "background background-color border border-bottom border-collapse border-color border-left "
    "border-radius border-right border-spacing border-style border-top border-width color display "
    "float font-family font-size font-style font-variant-numeric font-weight gap "
    "grid-template-columns height letter-spacing line-height list-style-type margin margin-bottom "
    "margin-left margin-right margin-top max-height max-width min-width opacity overflow "
    "overflow-x overflow-y padding padding-bottom padding-left padding-right padding-top "
    "text-align text-decoration text-transform user-select vertical-align white-space width "
    "word-break"
)
_GONE_WITH_CONTENT = frozenset({"script", "style", "noscript", "template", "title"})
_SVG_TAGS = _words(
    "svg g path rect circle ellipse line polyline polygon text tspan defs clipPath linearGradient "
    "radialGradient stop use symbol marker desc"
)
_SVG_ATTRIBUTES = _words(
    "class id transform d x y x1 x2 y1 y2 cx cy r rx ry dx dy points width height viewBox fill "
    "fill-opacity fill-rule stroke stroke-width stroke-dasharray stroke-linecap stroke-linejoin "
    "stroke-opacity opacity clip-path clip-rule clipPathUnits font-family font-size font-style "
    "font-weight text-anchor dominant-baseline gradientUnits gradientTransform offset stop-color "
    "stop-opacity markerWidth markerHeight orient refX refY preserveAspectRatio version xmlns "
    "xmlns:xlink xlink:href href style"
)
_SVG_STYLES = _words(
    "fill fill-opacity fill-rule stroke stroke-width stroke-dasharray stroke-linecap stroke- "
    "linejoin stroke-miterlimit stroke-opacity opacity font font-family font-size font-style "
    "font-weight text-anchor color stop-color stop-opacity"
)
_IMAGE = re.compile(r"^data:image/(?:png|jpeg|gif);base64,[0-9A-Za-z+/=\s]*$")
_OWN_CLASSES = re.compile(r"(?:^|\s)(?:jp-(?!RenderedHTMLCommon\b)|lm-|cm-|p-)\S*")
_FETCHES = re.compile(r"url\s*\(|\\|expression|@import", re.IGNORECASE)
_OWN_MARK = re.compile(r"^url\(\s*['\"]?#[\w.-]{1,80}['\"]?\s*\)$")
_ACTIVE = re.compile(
    r"<\s*(?:script|iframe|frame|object|embed|applet|form|input|button|textarea|select|meta|link|"
    r"base|foreignObject|animate|set|video|audio|portal)\b|\bon[a-z]{3,}\s*=|javascript\s*:",
    re.IGNORECASE,
)
ACTIVE_REMOVED = Message(
    "已移除输出中的活动内容（脚本、表单、框架或外部引用）。",
    "Active content (scripts, forms, frames or outside references) was removed from this output.",
)


def inert_html(html: str) -> tuple[str, bool]:
    """Return the HTML without anything active, and whether there was something active in it."""
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        clean_content_tags=set(_GONE_WITH_CONTENT),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_html_attribute,
        url_schemes={"data"},
        filter_style_properties=set(_STYLES),
        link_rel=None,
    )
    return clean, _ACTIVE.search(html) is not None


def inert_svg(svg: str) -> tuple[str, bool]:
    """Return the drawing without anything active, and whether there was something active in it."""
    start = svg.find("<svg")
    clean = nh3.clean(
        svg[max(start, 0) :],
        tags=set(_SVG_TAGS),
        clean_content_tags={"script", "style", "foreignObject", "title", "metadata"},
        attributes={"*": set(_SVG_ATTRIBUTES)},
        attribute_filter=_svg_attribute,
        url_schemes=set(),
        filter_style_properties=set(_SVG_STYLES),
        link_rel=None,
    )
    as_xml = clean.replace("xlink:href=", "href=").replace("&nbsp;", "&#160;")
    return as_xml, _ACTIVE.search(svg) is not None


def notice_html(notice: Message) -> str:
    """Return an inert line that says in both languages what a reader does not see."""
    return (
        '<p style="color:#8a4b00;background-color:#fff4e0;padding:.3em .6em;font-size:90%">'
        f"⚠ {escape(notice.zh)} / {escape(notice.en)}</p>"
    )


def notice_text(notice: Message) -> str:
    """Return the same line as plain text."""
    return f"⚠ {notice.zh} / {notice.en}"


def _html_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "src":
        return value if tag == "img" and _IMAGE.match(value) else None
    if name == "href":
        return value if value.startswith("#") else None
    if name == "class":
        return _OWN_CLASSES.sub("", value).strip() or None
    if name == "style":
        return None if _FETCHES.search(value) else value
    return value


def _svg_attribute(_tag: str, name: str, value: str) -> str | None:
    if name in {"href", "xlink:href"}:
        return value if value.startswith("#") else None
    if _FETCHES.search(value) and not _OWN_MARK.match(value.strip()):
        return None
    return value
