"""The stage of the trials: a temporary installation, its people, and a clock that can be moved.

The service is the real one, on a free port of this machine; what a trial does, it asks for over
HTTP like anybody. Only two things are special: the people are founded before the first trial, and
the clock goes on by command, because deadlines are days.
"""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any

import uvicorn

from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    actor_for_account,
    create_organisation,
    create_person,
)
from foundation.clock import MICROSECONDS_PER_DAY, SystemClock
from foundation.db import reading
from foundation.errors import Message
from foundation.identity import SYSTEM_ACTOR, Actor, Role
from foundation.settings import Settings
from service.app import PREFIX, create_app
from service.bootstrap import Platform, build_platform
from service.founding import AUTHORITY
from service.tokens import DevelopmentIssuer
from service.upkeep import Upkeep

CALL_SECONDS_MAX = 300
START_SECONDS_MAX = 60
REFUSED_FROM = 400
CIVIL_AFFAIRS = "civil_affairs"
TAX_OFFICE = "tax_office"


class NotShown(Exception):
    """A trial did not go as its row says; the message says what was seen instead."""

    def __init__(self, message: Message) -> None:
        """Keep the sentence in both languages."""
        super().__init__(message.en)
        self.message = message


class StageClock:
    """The machine's clock and the days that trials went on by."""

    def __init__(self) -> None:
        """Begin with the machine's time."""
        self._clock = SystemClock()
        self._ahead_us = 0

    def now_us(self) -> int:
        """Return the time on the stage, in UTC microseconds."""
        return self._clock.now_us() + self._ahead_us

    def go_on(self, days: int) -> None:
        """Let some days pass. A stage's time never goes back."""
        self._ahead_us += max(0, days) * MICROSECONDS_PER_DAY


@dataclass(frozen=True)
class Reply:
    """What the service answered."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        """Return the answer's JSON."""
        return json.loads(self.body)


class Caller:
    """One person on the stage, with a fresh token for each call."""

    def __init__(self, stage: "Stage", account: str) -> None:
        """Know whose calls these are."""
        self._stage = stage
        self._account = account

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        data: bytes | None = None,
        media_type: str = "application/json",
    ) -> Reply:
        """Make one call of the API beneath ``/api/v1``, with JSON or with bytes."""
        sent = data if data is not None else None if body is None else json.dumps(body).encode()
        headers = {
            "Authorization": f"Bearer {self._stage.token(self._account)}",
            "Accept-Language": "zh",
            "Host": self._stage.platform.settings.platform_host,
            **({"Content-Type": media_type} if sent is not None else {}),
        }
        connection = HTTPConnection("127.0.0.1", self._stage.port, timeout=CALL_SECONDS_MAX)
        try:
            connection.request(method, f"{PREFIX}{path}", body=sent, headers=headers)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, response.read(), answered)
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Return the JSON of a call that must succeed. Raises NotShown."""
        return self._succeeded("GET", path, self.call("GET", path)).json

    def post(self, path: str, body: object = None) -> Any:
        """Return the JSON of a call that must succeed. Raises NotShown."""
        return self._succeeded("POST", path, self.call("POST", path, body)).json

    def refused(self, method: str, path: str, code: str, body: object = None) -> dict[str, Any]:
        """Return the refusal of a call that must be refused with this code. Raises NotShown."""
        reply = self.call(method, path, body)
        found: dict[str, Any] = reply.json if reply.status >= REFUSED_FROM else {}
        if found.get("code") != code:
            raise _unexpected(method, path, f"{reply.status} {found.get('code', '')}", code)
        return found

    def _succeeded(self, method: str, path: str, reply: Reply) -> Reply:
        if reply.status >= REFUSED_FROM:
            found = reply.json
            told = f"{reply.status} {found.get('code', '')}: {found.get('detail', '')}"
            raise _unexpected(method, path, told, "2xx")
        return reply


class Stage:
    """One temporary installation in use."""

    platform: Platform
    port: int
    upkeep: Upkeep

    def __init__(self, settings: Settings) -> None:
        """Know where the installation lives; nothing runs before ``start``."""
        self.clock = StageClock()
        self.kept: dict[str, Any] = {}
        self._settings = settings
        self._running = ExitStack()
        self._numbers = count(1)

    def start(self) -> None:
        """Open the installation, found its people at the first time, and serve it."""
        self.platform = build_platform(self._settings, clock=self.clock)
        self._running.callback(self.platform.close)
        if not self.kept.setdefault("founded", False):
            _found_people(self.platform)
            self.kept["founded"] = True
        self.port = self._running.enter_context(_served(self.platform))
        self.upkeep = Upkeep(self.platform)

    def stop(self) -> None:
        """Stop the installation as a shutdown does; its home stays."""
        self._running.close()

    def restart(self) -> None:
        """Stop the installation and open it again from its home."""
        self.stop()
        self._running = ExitStack()
        self.start()

    def by(self, account: str) -> Caller:
        """Return the calls of one person."""
        return Caller(self, account)

    def token(self, account: str) -> str:
        """Return a fresh token of the installation's own issuer."""
        issuer = self.platform.issuer
        if not isinstance(issuer, DevelopmentIssuer):
            raise NotShown(Message("演示环境不能签发令牌。", "The stage issues no tokens."))
        return issuer.issue(account).text

    def actor(self, account: str) -> Actor:
        """Return a person as the registry knows them now."""
        with reading(self.platform.engine) as connection:
            return actor_for_account(connection, account, "zh")

    def number(self) -> int:
        """Return a number that nothing else of this stage was given."""
        return next(self._numbers)

    def go_on(self, days: int) -> None:
        """Let days pass, and let the installation do what falls due meanwhile."""
        self.clock.go_on(days)
        self.upkeep.run_once()


def expect(holds: object, zh: str, en: str) -> None:
    """Insist on what a row says. Raises NotShown with the sentence."""
    if not holds:
        raise NotShown(Message(zh, en))


@contextmanager
def open_stage(settings: Settings | None = None) -> Iterator[Stage]:
    """Build an installation in an empty directory, serve it, and take it away again."""
    with tempfile.TemporaryDirectory(prefix="sandgate-acceptance-") as made:
        stage = Stage(settings or Settings(home=Path(made) / "home", key_holder="embedded"))
        try:
            stage.start()
            yield stage
        finally:
            stage.stop()


@contextmanager
def _served(platform: Platform) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(create_app(platform), log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        _wait_until_started(server)
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _wait_until_started(server: uvicorn.Server) -> None:
    until = time.monotonic() + START_SECONDS_MAX
    while not server.started:
        if time.monotonic() > until:
            raise NotShown(Message("服务未能启动。", "The service did not start."))
        time.sleep(0.01)


_ORGANISATIONS: Sequence[tuple[str, OrganisationKind, str, str]] = (
    (CIVIL_AFFAIRS, OrganisationKind.PROVIDER, "民政局（演示）", "Civil affairs (fictional)"),
    (TAX_OFFICE, OrganisationKind.PROVIDER, "税务局（演示）", "Tax office (fictional)"),
    ("operator_a", OrganisationKind.OPERATOR, "甲运营机构（演示）", "Operator A (fictional)"),
    ("buyer_house", OrganisationKind.DEVELOPER, "数据企业（演示）", "Data enterprise (fictional)"),
    ("review_house", OrganisationKind.PLATFORM, "审核机构（演示）", "Review house (fictional)"),
    ("finance_house", OrganisationKind.FINANCE, "财政部门（演示）", "Finance (fictional)"),
    ("pricing_house", OrganisationKind.PRICING, "价格主管部门（演示）", "Pricing (fictional)"),
    ("regulator", OrganisationKind.REGULATOR, "监管部门（演示）", "Regulator (fictional)"),
)
_PEOPLE: Sequence[tuple[str, str, tuple[Role, ...]]] = (
    ("reviewer", AUTHORITY, (Role.AUTHORITY,)),
    ("second_reviewer", AUTHORITY, (Role.AUTHORITY,)),
    ("civil_clerk", CIVIL_AFFAIRS, (Role.PROVIDER,)),
    ("civil_head", CIVIL_AFFAIRS, (Role.PROVIDER, Role.DEPARTMENT_HEAD)),
    ("civil_seat", CIVIL_AFFAIRS, (Role.PROVIDER, Role.HALL_REPRESENTATIVE)),
    ("civil_steward", CIVIL_AFFAIRS, (Role.PROVIDER, Role.STEWARD)),
    ("tax_clerk", TAX_OFFICE, (Role.PROVIDER,)),
    ("tax_head", TAX_OFFICE, (Role.PROVIDER, Role.DEPARTMENT_HEAD)),
    ("tax_seat", TAX_OFFICE, (Role.PROVIDER, Role.HALL_REPRESENTATIVE)),
    ("analyst", "operator_a", (Role.OPERATOR,)),
    ("colleague", "operator_a", (Role.OPERATOR,)),
    ("own_developer", "operator_a", (Role.DEVELOPER,)),
    ("buyer", "buyer_house", (Role.DEVELOPER,)),
    ("checker_one", "review_house", (Role.CHECKER,)),
    ("checker_two", "review_house", (Role.CHECKER,)),
    ("treasurer", "finance_house", (Role.FINANCE,)),
    ("pricer_one", "pricing_house", (Role.PRICING,)),
    ("pricer_two", "pricing_house", (Role.PRICING,)),
    ("inspector", "regulator", (Role.REGULATOR,)),
)
"""Account, organisation and roles of the cast; each is one natural person."""


def _found_people(platform: Platform) -> None:
    for identifier, kind, name_zh, name_en in _ORGANISATIONS:
        create_organisation(
            platform.writer,
            SYSTEM_ACTOR,
            Organisation(id=identifier, kind=kind, name_zh=name_zh, name_en=name_en),
        )
    for identifier, organisation, roles in _PEOPLE:
        person = Person(
            id=identifier,
            name=identifier,
            organisations=(organisation,),
            roles=roles,
            accounts=(Account(name=identifier, organisation=organisation),),
        )
        create_person(platform.writer, SYSTEM_ACTOR, person)


def _unexpected(method: str, path: str, seen: str, wanted: str) -> NotShown:
    return NotShown(
        Message(
            f"{method} {path}：得到 {seen}，应为 {wanted}。",
            f"{method} {path}: got {seen}, not {wanted}.",
        )
    )
