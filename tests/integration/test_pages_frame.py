"""The frame of all pages: headers, languages, menus, form tokens, and refusals at their field."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import APIRoute

from foundation.errors import Message
from service.app import ROUTERS
from service.pages.blocks import Link, shown_time
from service.pages.forms import TEXT_BYTES_MAX, VALUES_MAX
from service.pages.matter_pages import PAGE_OF_KIND
from service.pages.navigation import GROUPS
from tests.city import City, opened_city
from tests.page_visits import hidden_fields, sent, signed_in

FORM = "/pages/people/new"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    home: Path = tmp_path_factory.mktemp("pages") / "home"
    with opened_city(home) as opened:
        yield opened


@pytest.fixture(scope="module")
def founder(city: City) -> httpx.Client:
    return signed_in(city, "founder")


def test_a_stranger_is_sent_to_sign_in_and_back(city: City) -> None:
    answer = city.client().get("/pages/people?x=1")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?return=/pages/people%3Fx%3D1"
    assert city.client().get("/").headers["location"] == "/pages"


def test_who_lacks_the_role_is_told_which_one_in_words(city: City) -> None:
    auditor = signed_in(city, "audit_admin")
    answer = auditor.get("/pages/catalogue-imports/new")
    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    assert "此操作需要以下角色之一" in answer.text


def test_no_page_may_call_out_be_framed_or_stored(founder: httpx.Client) -> None:
    headers = founder.get("/pages").headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


def test_every_page_says_all_in_the_language_that_was_chosen(city: City) -> None:
    visitor = signed_in(city, "founder")
    assert 'lang="zh-CN"' in visitor.get("/pages").text
    chosen = visitor.post("/pages/language", data={"language": "en", "back": "/pages"})
    assert chosen.status_code == 303
    visitor.headers["Cookie"] += "; sandgate-language=en"
    page = visitor.get("/pages").text
    assert 'lang="en"' in page
    assert "My tasks" in page
    assert "我的待办" not in page


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example", "/\\x", "x"])
def test_choosing_a_language_leads_nowhere_else(city: City, back: str) -> None:
    answer = city.client().post("/pages/language", data={"language": "en", "back": back})
    assert answer.headers["location"].startswith("/pages")


def test_a_form_without_its_token_changes_nothing(city: City, founder: httpx.Client) -> None:
    before = city.log_size()
    for token in ("", "0" * 43):
        answer = founder.post(FORM, data={"csrf_token": token, "id": "intruder"})
        assert answer.status_code == 403
    other = hidden_fields(signed_in(city, "system_admin"), FORM)
    assert founder.post(FORM, data={**other, "id": "intruder"}).status_code == 403
    assert not [
        entry for entry in city.entries(first=before) if entry.kind.startswith("authorization:")
    ]


def test_a_form_of_another_site_or_media_type_is_refused(founder: httpx.Client) -> None:
    fields = dict(hidden_fields(founder, FORM))
    foreign = founder.post(FORM, data=fields, headers={"Origin": "https://elsewhere.example"})
    assert foreign.status_code == 403
    assert founder.post(FORM, json=fields).status_code == 422
    unknown = founder.post(FORM, data={**fields, "is_admin": "yes"})
    assert unknown.status_code == 422


def test_all_that_lacks_is_named_at_once_and_what_was_entered_stays(founder: httpx.Client) -> None:
    answer = sent(founder, FORM, name="李<b>强</b>")
    assert answer.status_code == 422
    assert "请一次补齐以下必填项" in answer.text
    assert 'value="李&lt;b&gt;强&lt;/b&gt;"' in answer.text
    assert "<b>强" not in answer.text


def test_characters_that_nobody_types_are_refused_at_their_field(founder: httpx.Client) -> None:
    answer = sent(founder, FORM, name="李\x07强")
    assert answer.status_code == 422
    assert "控制字符" in answer.text
    wrong = r'class="field wrong"><p class="why" id="why-name">[^<]*</p><label for="field-name"'
    assert re.search(wrong, answer.text.replace("\n", ""))


def test_a_link_never_leads_away() -> None:
    for href in (
        "https://elsewhere.example",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "javascript:alert(1)",
        "x",
    ):
        with pytest.raises(ValueError, match="within the platform"):
            Link(Message("去", "go"), href)


def test_menus_and_tasks_lead_to_pages_that_are_there() -> None:
    known = [
        re.compile(re.sub(r"\{\w+\}", "[^/]+", prefix + route.path))
        for prefix, router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
    ]
    targets = [item.href for group in GROUPS for item in group.items]
    targets += [pattern.format(subject="x", case="x") for pattern in PAGE_OF_KIND.values()]
    for target in targets:
        assert any(pattern.fullmatch(target.partition("?")[0]) for pattern in known), target


def test_times_are_shown_as_people_here_read_them() -> None:
    assert shown_time(1_790_000_000_000_000) == "2026-09-21 22:13"
    assert shown_time(None) == "—"


def test_a_form_of_any_size_ends_at_its_limit(founder: httpx.Client) -> None:
    known = hidden_fields(founder, FORM)
    answer = founder.post(FORM, data={**known, "name": ["x" * (TEXT_BYTES_MAX // 8)] * 9})
    assert answer.status_code == 413
    many = founder.post(FORM, data={**known, "name": ["x"] * (VALUES_MAX + 1)})
    assert many.status_code == 400
