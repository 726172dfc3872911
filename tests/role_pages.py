"""A city whose people are called by name, served on its own port, and a browser of each of them.

People sign in at the real issuer where the machine has one, and by a development token elsewhere:
the pages behind it are the same.
"""

import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
)
from catalog.book.systems import SystemDocument, register_system
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.settings import Settings
from service.app import create_app
from service.login.bindings import Subject, confirm_binding, propose_binding
from tests.city import PEOPLE, PROVIDER, City, Plan, built_city
from tests.parts import SESSION_ENVIRONMENT
from tests.signing_in import ALIAS, PASSWORD, Provider, running_provider

TAX = "tax_bureau"
FOUNDERS = ("founder", "system_admin", "security_admin", "audit_admin")
NAMES = {
    PROVIDER: "市民政局",
    TAX: "市税务局",
    "pearl_operator": "珠江数据运营有限公司",
    "river_operator": "清河数据运营有限公司",
    "harbour_buyer": "海港信息服务有限公司",
    "review_centre": "市数据安全评审中心",
    "city_regulator": "市数据监管局",
    "public_finance": "市财政局",
    "approver": "赵敏",
    "steward": "钱学文",
    "head": "孙丽华",
    "analyst": "周志强",
    "colleague": "吴晓东",
    "rival": "郑海燕",
    "buyer": "冯建国",
    "checker_one": "陈静",
    "checker_two": "褚卫平",
    "auditor": "卫国栋",
    "treasurer": "蒋秀兰",
    "clerk": "王小明",
    "tax_clerk": "沈雪梅",
    "tax_head": "韩立新",
    "delegate": "杨春梅",
}
SYSTEM = "marriage_register"
ENGLISH = {
    PROVIDER: "Civil Affairs Bureau",
    TAX: "Tax Bureau",
    "pearl_operator": "Pearl Data Operations",
    "river_operator": "River Data Operations",
    "harbour_buyer": "Harbour Information",
    "review_centre": "Data Security Review Centre",
    "city_regulator": "Data Regulator",
    "public_finance": "Finance Bureau",
}
_FURTHER = (
    ("clerk", PROVIDER, Role.PROVIDER),
    ("delegate", PROVIDER, Role.HALL_REPRESENTATIVE),
    ("tax_clerk", TAX, Role.PROVIDER),
    ("tax_head", TAX, Role.DEPARTMENT_HEAD),
)
ACCOUNTS = (*(name for name, _, _ in PEOPLE), *(name for name, _, _ in _FURTHER))


@dataclass
class Faces:
    """The running service and a browser; each person has a context, so a login, of their own."""

    city: City
    origin: str
    browser: Browser
    provider: Provider | None = None
    shots: Path | None = None
    _pages: dict[str, Page] = field(default_factory=dict)

    def page(self, account: str, language: str = "zh-CN") -> Page:
        """Return the page of a person who signed in afresh, at their own tasks."""
        key = f"{account} {language}"
        if key not in self._pages:
            context = self.browser.new_context(
                locale=language,
                base_url=self.origin,
                viewport={"width": 1_280, "height": 800},
                ignore_https_errors=True,  # the issuer's certificate is of its own authority
                accept_downloads=True,
            )
            context.set_default_timeout(30_000)
            # The issuer's own pictures and scripts are no part of what is shown here.
            context.route("https://**/static/**", lambda route: route.abort())
            self._pages[key] = context.new_page()
            self._sign_in(self._pages[key], account)
        return self._pages[key]

    def _sign_in(self, page: Page, account: str) -> None:
        page.goto("/")
        if self.provider is not None:
            page.locator("main a.button").click()
            page.locator("input[name=login]").fill(account)
            page.locator("button[type=submit]").first.click()
            page.locator("input[name=password]").fill(PASSWORD)
            page.locator("button[type=submit]").first.click()
        else:
            page.locator("input[name=token]").fill(self.city.token(account))
            page.locator("form.asked button").click()
        page.wait_for_url("**/pages")

    def look(self, page: Page, name: str, *, whole: bool = True) -> None:
        """Keep a picture of a page, or of what a screen shows of it, where one was asked for."""
        if self.shots is not None:
            page.screenshot(path=self.shots / f"{name}.png", full_page=whole)


def go(page: Page, *words: str) -> None:
    """Follow links by their words, each on the page that the one before led to."""
    for word in words:
        page.get_by_role("link", name=word, exact=True).first.click()
        page.wait_for_load_state()


def send(page: Page, button: str, values: Mapping[str, str] | None = None) -> None:
    """Fill the form that has this button, by its fields' names, and send it."""
    form = page.locator("form.asked", has=page.get_by_role("button", name=button, exact=True))
    for name, value in (values or {}).items():
        entered = form.locator(f"[name='{name}']")
        kind = entered.first.evaluate("one => one.type")
        if kind == "file":
            entered.set_input_files(value)
        elif kind == "checkbox":
            form.locator(f"[name='{name}'][value='{value}']").check()
        elif kind == "select-one":
            entered.select_option(value)
        else:
            entered.fill(value)
    form.get_by_role("button", name=button, exact=True).click()
    page.wait_for_load_state()


def entry_form(code: str, name: str) -> dict[str, str]:
    """Return what a clerk fills in for an entry that is shared conditionally and not open."""
    return {
        "code": code,
        "name": name,
        "provider_name": NAMES[PROVIDER],
        "provider": "11999999MB2F00016L",
        "data_items": "姓名\n登记日期",
        "format": "CSV",
        "update_frequency": "daily",
        "category": "民政",
        "classification": "L3",
        "share_attribute": "conditional",
        "share_mode": "file",
        "use_conditions": "仅限履职使用",
        "share_scope": "全市各部门",
        "permitted_use": "履行法定职责",
        "open_attribute": "withheld",
        "open_reason": "涉及个人信息",
        "open_basis": "《中华人民共和国个人信息保护法》",
        "return_attribute": "none",
        "systems": SYSTEM,
        "zone": "public",
    }


@contextmanager
def faces(home: Path, shots: Path | None = None, *, issuer: bool = True) -> Iterator[Faces]:
    """Serve a city of named people, with Chromium beside it."""
    with socket.create_server(("127.0.0.1", 0)) as listening, ExitStack() as stack:
        port = listening.getsockname()[1]
        origin = f"http://sandgate.localhost:{port}"
        settings = Settings(home=home, port=port, session_preload="")
        if SESSION_ENVIRONMENT.exists():
            settings = settings.model_copy(update={"session_environment": SESSION_ENVIRONMENT})
        provider = None
        if issuer:
            people = dict.fromkeys((*FOUNDERS, *ACCOUNTS), "")
            directory = home.parent / "issuer"
            provider = stack.enter_context(running_provider(directory, people, origin))
            home.mkdir(exist_ok=True)
            place = provider.configured(home.parent, founders={name: name for name in FOUNDERS})
            settings = settings.model_copy(update={"login_issuers": place})
        plan = Plan(names=NAMES, english=ENGLISH)
        city = stack.enter_context(built_city(home, plan, settings=settings))
        _register(city)
        for account in () if provider is None else ACCOUNTS:
            _bind(city, account)
        stack.enter_context(_served(city, listening))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            yield Faces(city, origin, browser, provider, shots)
            browser.close()


def _register(city: City) -> None:
    writer = city.platform.writer
    house = Organisation(
        id=TAX, kind=OrganisationKind.PROVIDER, name_zh=NAMES[TAX], name_en=ENGLISH[TAX]
    )
    create_organisation(writer, SYSTEM_ACTOR, house)
    for name, organisation, role in _FURTHER:
        person = Person(
            id=name,
            name=NAMES[name],
            organisations=(organisation,),
            roles=(role,),
            accounts=(Account(name=name, organisation=organisation),),
        )
        create_person(writer, SYSTEM_ACTOR, person)

    label = {"zh": "婚姻登记系统", "en": "Marriage register"}
    system = SystemDocument.model_validate({"name": SYSTEM, "label": label, "purpose": label})
    register_system(writer, city.actor("clerk"), PROVIDER, system)


def _bind(city: City, account: str) -> None:
    """Let a subject of the issuer act for an account, by two administrators."""
    oidc = city.platform.login.oidc
    assert oidc is not None
    subject: Subject = oidc.subject_of(oidc.providers[ALIAS], account)
    writer = city.platform.writer
    proposed = propose_binding(writer, city.actor("security_admin"), subject, account)
    confirm_binding(writer, city.actor("founder"), proposed.value)


@contextmanager
def _served(city: City, listening: socket.socket) -> Iterator[None]:
    config = uvicorn.Config(create_app(city.platform), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
