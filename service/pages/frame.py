"""The frame of every page: who is looking, in which language, under which headers.

Nothing on a page may call out, be framed, or run but the two scripts named by digest here. Who is
not logged in is sent to log in and back; who lacks the role is told which one the page needs.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated
from urllib.parse import quote

import jinja2
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from authorization.organisations import organisation_by_id, person_by_id
from foundation.db import reading
from foundation.errors import Message, SandgateError
from foundation.identity import Actor, Role
from service.api.callers import platform_of, role_missing
from service.bootstrap import Platform
from service.errors import language_of
from service.login.step_up import check_recent
from service.login.visiting import Visitor, visitor_of
from service.pages.blocks import Block, Text
from service.pages.navigation import groups_for

LANGUAGE_COOKIE = "sandgate-language"
LANGUAGES = ("zh", "en")
PRODUCT = Message("沙闸 · 公共数据沙箱与授权运营", "Sandgate · public data, sandboxed and licensed")
_SCRIPT = "document.addEventListener('submit',e=>{for(const b of e.target.querySelectorAll('button'))setTimeout(()=>b.disabled=true)})"  # noqa: E501
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?")
Visitors = tuple[Role, ...]
"""The roles one of which a page needs; none: anyone who is logged in."""


class LoginNeeded(Exception):
    """Nobody is logged in: the page is shown after they are."""


@dataclass(frozen=True)
class Visit:
    """One request for a page: the platform, who looks, and the language they read."""

    request: Request
    platform: Platform
    visitor: Visitor
    language: str
    who: str

    @property
    def actor(self) -> Actor:
        """Return who looks, with organisation and roles."""
        return self.visitor.actor

    def has(self, *roles: Role) -> bool:
        """Tell whether the visitor holds one of the roles."""
        return any(self.actor.has(role) for role in roles)

    def say(self, text: Text) -> str:
        """Return words in the visitor's language, and data as they are."""
        return text.in_language(self.language) if isinstance(text, Message) else text

    def page(
        self, title: Text, *blocks: Block, intro: Text = "", status: int = 200
    ) -> HTMLResponse:
        """Render a page of blocks."""
        return rendered(
            "page.html",
            self.language,
            status=status,
            title=title,
            intro=intro,
            blocks=blocks,
            visitor=self.visitor,
            who=self.who,
            groups=groups_for(self.actor),
            here=self.request.url.path,
            done=_done(self.request),
        )


def rendered(template: str, language: str, *, status: int = 200, **values: object) -> HTMLResponse:
    """Render one of our templates under the headers of every page."""
    html = (
        _templates()
        .get_template(template)
        .render(
            language=language,
            product=PRODUCT,
            script=_SCRIPT,
            say=lambda text: text.in_language(language) if isinstance(text, Message) else text,
            Message=Message,
            is_moment=lambda text: isinstance(text, str) and bool(_MOMENT.fullmatch(text)),
            **values,
        )
    )
    return HTMLResponse(html, status_code=status, headers=dict(page_headers()))


@cache
def page_headers() -> tuple[tuple[str, str], ...]:
    """Return what stands over every page: no call out, no frame, no foreign script, no store."""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; "
        f"script-src '{_digest(_SCRIPT)}'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return (
        ("content-security-policy", policy),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cache-control", "no-store"),
    )


def visit_by(roles: Iterable[Role]) -> object:
    """Return the parameter type of a page that one of these roles may see."""
    return Annotated[Visit, Depends(_visiting(tuple(roles)))]


def reader_language(request: Request) -> str:
    """Return the language a reader chose on the page, else the browser's, else Chinese."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    return chosen if chosen in LANGUAGES else language_of(request)


def redirect_to_login(request: Request, *, step_up: bool = False) -> RedirectResponse:
    """Send the reader to log in (again), and back to this page."""
    target = request.url.path
    if request.method == "GET" and request.url.query:
        target = f"{target}?{request.url.query}"
    again = "step_up=1&" if step_up else ""
    return RedirectResponse(f"/login?{again}return={quote(target)}", status_code=303)


def redirect_to_step_up(request: Request) -> RedirectResponse:
    """Send the reader to prove who they are once more, and back to this page."""
    return redirect_to_login(request, step_up=True)


def show_problem(request: Request, error: SandgateError) -> HTMLResponse:
    """Answer a page's request with a refusal, in words, with the way out."""
    visitor = getattr(request.state, "visitor", None)
    return rendered(
        "problem.html",
        reader_language(request),
        status=error.status,
        title=Message("未能办理", "This was not done"),
        error=error,
        visitor=visitor,
        who=getattr(request.state, "who", ""),
        groups=groups_for(visitor.actor) if visitor else (),
        here=request.url.path,
        done="",
    )


def _visiting(roles: Visitors) -> Callable[[Request], Visit]:
    def dependency(request: Request) -> Visit:
        visitor = visitor_of(request)
        if visitor is None:
            raise LoginNeeded
        request.state.actor = visitor.actor
        request.state.visitor = visitor
        language = reader_language(request)
        request.state.who = _who(platform_of(request), visitor.actor, language)
        if roles and not any(visitor.actor.has(role) for role in roles):
            raise role_missing(roles)
        _check_recent(request, visitor)
        who = request.state.who
        return Visit(request, platform_of(request), visitor, language, who)

    return dependency


def _check_recent(request: Request, visitor: Visitor) -> None:
    """Ask for a newer login before a form is filled in, not after, where its act wants one."""
    platform = platform_of(request)
    path = str(getattr(request.scope.get("route"), "path", ""))
    rule = platform.login.rules.of_route(f"POST {path}")
    if rule is not None:
        check_recent(rule, visitor.proof, platform.clock.now_us())


def _who(platform: Platform, actor: Actor, language: str) -> str:
    """Return a person's registered name and their organisation's."""
    with reading(platform.engine) as connection:
        person = person_by_id(connection, actor.person)
        house = organisation_by_id(connection, actor.organisation)
    names = [person.name if person else actor.person]
    if house is not None:
        names.append(house.name_zh if language == "zh" else house.name_en)
    return " · ".join(names)


_DONE = {
    "1": Message("已办理，并已记入审计日志。", "Done, and entered in the audit log."),
}


def _done(request: Request) -> Text:
    """Return the word of success after a form; the address chooses one, and never writes it."""
    return _DONE.get(request.query_params.get("done", ""), "")


@cache
def _templates() -> jinja2.Environment:
    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in (files("service") / "pages" / "templates").iterdir()
        if item.name.endswith(".html")
    }
    return jinja2.Environment(
        loader=jinja2.DictLoader(texts),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _digest(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


AnyVisit = Annotated[Visit, Depends(_visiting(()))]
AuthorityVisit = Annotated[Visit, Depends(_visiting((Role.AUTHORITY,)))]
RegistryVisit = Annotated[
    Visit,
    Depends(
        _visiting(
            (
                *(Role.AUTHORITY, Role.REGULATOR, Role.DEPARTMENT_HEAD, Role.AUDIT_ADMINISTRATOR),
                *(Role.SYSTEM_ADMINISTRATOR, Role.SECURITY_ADMINISTRATOR),
            )
        )
    ),
]
KeeperVisit = Annotated[
    Visit,
    Depends(_visiting((Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY))),
]
CataloguerVisit = Annotated[
    Visit, Depends(_visiting((Role.PROVIDER, Role.STEWARD, Role.AUTHORITY)))
]
CatalogueReaderVisit = Annotated[
    Visit,
    Depends(
        _visiting((Role.PROVIDER, Role.STEWARD, Role.DEPARTMENT_HEAD, Role.AUTHORITY)),
    ),
]
GovernmentVisit = Annotated[
    Visit,
    Depends(
        _visiting(
            (
                *(Role.PROVIDER, Role.DEPARTMENT_HEAD, Role.STEWARD, Role.HALL_REPRESENTATIVE),
                *(Role.AUTHORITY, Role.REGULATOR, Role.FINANCE, Role.PRICING),
            )
        )
    ),
]
"""Anyone inside government: operators and developers see no list of who owes whom what."""
CheckingVisit = Annotated[Visit, Depends(_visiting((Role.CHECKER, Role.RELEASE_OFFICER)))]
OperatorVisit = Annotated[Visit, Depends(_visiting((Role.OPERATOR,)))]
RegulatorVisit = Annotated[Visit, Depends(_visiting((Role.REGULATOR,)))]
OverseerVisit = Annotated[Visit, Depends(_visiting((Role.REGULATOR, Role.AUTHORITY)))]
