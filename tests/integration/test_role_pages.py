"""Each role's main task in a browser, from a fresh login, by the words on the pages alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from audit.tags import EntryKind
from disclosure.release.bodies import ReleaseDraft
from disclosure.release.files import FileDraft
from policies.schema.exchange import ExchangeRules
from tests.catalogue_sheets import row_of, xlsx_of
from tests.city import told
from tests.parts import (
    need_chromium,
    need_namespaces,
    need_provider,
    need_session_environment,
)
from tests.registering import resident_id
from tests.role_pages import NAMES, Faces, entry_form, faces, go, send

pytestmark = [need_chromium, need_provider]
MARRIAGES = "婚姻登记信息"
BY_AGE = "SELECT age_band, COUNT(DISTINCT unit) AS households FROM households GROUP BY age_band"
DONE = "已办理，并已记入审计日志。"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faces]:
    with faces(tmp_path_factory.mktemp("faces") / "home") as opened:
        yield opened


def is_done(page: Page) -> None:
    expect(page.get_by_role("status")).to_have_text(DONE)


def task(page: Page, words: str) -> None:
    """Open a task from the inbox."""
    go(page, "我的待办")
    page.get_by_role("link", name=words).first.click()


def test_an_entry_goes_from_a_clerks_draft_to_publication(city: Faces) -> None:
    clerk = city.page("clerk")
    go(clerk, "政务数据目录", "编制目录条目")
    wrong = entry_form("306009/77", MARRIAGES) | {"provider": "12345"}
    send(clerk, "保存草稿", wrong)
    expect(clerk.locator(".field.wrong [name=provider]")).to_have_value("12345")
    expect(clerk.locator("[name=data_items]")).to_have_value(wrong["data_items"])
    send(clerk, "保存草稿", entry_form("306009/77", MARRIAGES))
    is_done(clerk)
    for way in ("录入保密风险评估", "录入个人信息评估"):
        go(clerk, way)
        paper = {"assessor": "市信息安全评估中心", "document_number": "评〔2026〕8号"}
        send(clerk, "录入评估", paper | {"conclusion": "passed", "on": "2026-01-05"})
        is_done(clerk)
    head = city.page("head")
    task(head, f"目录审签：{MARRIAGES}")
    go(head, "审签")
    send(head, "同意并审签")
    is_done(head)
    clerk.reload()
    go(clerk, "提交审核")
    send(clerk, "提交")
    is_done(clerk)
    founder = city.page("founder")
    task(founder, f"目录发布审核：{MARRIAGES}")
    go(founder, "同意发布")
    send(founder, "同意发布")
    is_done(founder)
    expect(founder.locator("main")).to_contain_text("已发布")


def test_a_clerk_brings_a_spreadsheet_in(city: Faces, tmp_path: Path) -> None:
    file = tmp_path / "目录.xlsx"
    rules = city.city.platform.pack.rules(ExchangeRules)
    file.write_bytes(xlsx_of([row_of(1), row_of(2, 目录名称="")], rules))
    clerk = city.page("clerk")
    go(clerk, "目录批量导入", "提交目录表格")
    send(clerk, "检查", {"file": str(file)})
    expect(clerk.get_by_role("heading", name="须更正的行")).to_be_visible()
    send(clerk, "确认导入合格的行")
    is_done(clerk)
    go(clerk, "办理第1批")
    expect(clerk.locator("main")).to_contain_text(row_of(1)["目录名称"])


def test_a_department_asks_and_the_hall_answers_under_seal(city: Faces) -> None:
    founder, head, delegate = (city.page(name) for name in ("founder", "head", "delegate"))
    go(founder, "政务数据大厅")
    send(founder, "设立席位", {"organisation": "city_bureau"})
    is_done(founder)
    go(head, "政务数据大厅", NAMES["city_bureau"])
    send(head, "推荐", {"person": "delegate"})
    founder.reload()
    send(founder, "确认入驻")
    go(delegate, "政务数据大厅")
    send(delegate, "到岗")
    is_done(delegate)
    clerk, tax_head = city.page("tax_clerk"), city.page("tax_head")
    go(clerk, "数据共享", "申请共享数据")
    chosen = clerk.locator("[name=entry] option", has_text="住户").get_attribute("value")
    asked = {
        "entry": str(chosen),
        "basis": "税收征收管理法",
        "scenario": "核定优惠",
        "scope": "本局",
    }
    send(clerk, "送审签", asked | {"scope": "本局", "mode": "file", "until": "2027-06-30"})
    is_done(clerk)
    task(tax_head, "共享申请审签")
    send(tax_head, "负责人审签")
    clerk.reload()
    send(clerk, "提交申请")
    is_done(clerk)
    task(delegate, "共享申请：住户")
    send(delegate, "接办")
    send(delegate, "同意")
    is_done(delegate)
    delegate.goto(clerk.url.partition("?")[0])
    send(delegate, "加盖数据共享专用章")
    is_done(delegate)
    with delegate.expect_download() as waiting:
        delegate.get_by_role("link", name="决定书（PDF）").click()
    assert waiting.value.path().read_bytes().startswith(b"%PDF-")
    go(clerk, "通知")
    expect(clerk.locator("main")).to_contain_text("住户")


def test_anyone_says_that_data_are_wrong_and_the_provider_answers(city: Faces) -> None:
    analyst, clerk = city.page("analyst"), city.page("clerk")
    go(analyst, "校核与异议", "提出校核或异议")
    claim = {"subject": "colleges", "claim": "年份有误", "evidence": "年鉴第3页"}
    send(analyst, "提交", claim)
    is_done(analyst)
    task(clerk, "校核：高校")
    send(clerk, "反馈不属实", {"answer": "经核对，与年鉴一致"})
    is_done(clerk)
    analyst.reload()
    expect(analyst.locator("main")).to_contain_text("与年鉴一致")


def test_one_administrator_proposes_another_confirms_a_third_reads_it(city: Faces) -> None:
    system, security, audit = (
        city.page(name) for name in ("system_admin", "security_admin", "audit_admin")
    )
    go(system, "人员与角色", "登记人员")
    person = {"name": "何雨桐", "id": "he", "account": "he", "organisation": "tax_bureau"}
    papers = {"document": "resident_id", "number": resident_id("he"), "role": "steward"}
    send(system, "提出登记", person | papers)
    is_done(system)
    task(security, "确认人员或角色变更：何雨桐")
    send(security, "确认生效")
    is_done(security)
    go(audit, "审计日志")
    shown = audit.locator("main table")
    expect(shown).to_contain_text("已提出人员或角色变更")
    expect(shown).to_contain_text("人员或角色变更已生效")


def test_the_authority_licenses_and_another_of_it_signs(city: Faces) -> None:
    founder, approver = city.page("founder"), city.page("approver")
    go(founder, "授权", "住户画像")
    send(founder, "保存为待签发", {"name_zh": "养老服务选址", "valid_from": "2026-01-01"})
    is_done(founder)
    assert founder.get_by_role("button", name="签发生效").count() == 0  # not by who drafted it
    task(approver, "签发授权：养老服务选址")
    send(approver, "签发生效")
    page = approver.locator("main")
    expect(page).to_contain_text("生效")


def test_checkers_read_what_would_leave_and_vote(city: Faces) -> None:
    platform, analyst = city.city.platform, city.city.actor("analyst")
    answer = str(told(city.city.ask(BY_AGE))["answer_id"])
    file = FileDraft(name="by-age.csv", source="answer", reference=answer)
    draft = ReleaseDraft(title_zh="住户年龄", title_en="Ages", context="年鉴", files=(file,))
    asked = platform.desk.draft(analyst, city.city.licence, draft)
    operator = city.page("analyst")
    go(operator, "出域审核", "住户年龄")
    send(operator, "提交")
    is_done(operator)
    for name in ("checker_one", "checker_two"):
        checker = city.page(name)
        task(checker, "出域审核：住户年龄")
        go(checker, "by-age.csv")
        expect(checker.locator("main table")).to_contain_text("older")
        go(checker, "返回申请并表决")
        send(checker, "提交表决", {"decision": "approve"})
        is_done(checker)
    operator.reload()
    expect(operator.locator("main")).to_contain_text("已交付")
    with operator.expect_download() as waiting:
        operator.get_by_role("link", name="下载结果").click()
    assert waiting.value.path().read_bytes().startswith(b"PK")
    assert asked.id in operator.url


@need_namespaces
@need_session_environment
def test_an_operator_opens_a_session_enters_it_and_closes_it(city: Faces) -> None:
    operator = city.page("analyst")
    go(operator, "数据沙箱", "开通会话")
    send(operator, "开通", {"licence": city.city.licence})
    is_done(operator)
    place = operator.url.partition("?")[0]
    send(operator, "进入会话")
    expect(operator.locator("iframe")).to_be_visible()
    operator.goto(place)
    send(operator, "关闭会话")
    is_done(operator)


def test_the_regulator_searches_the_log_and_reads_who_is_late(city: Faces) -> None:
    auditor = city.page("auditor")
    go(auditor, "审计日志")
    auditor.locator("[name=kind]").select_option(str(EntryKind.LICENCE_ACTIVATED))
    auditor.get_by_role("button", name="查询").click()
    expect(auditor.locator("main table")).to_contain_text("授权已生效")
    with auditor.expect_download() as waiting:
        auditor.get_by_role("link", name="导出证据包").click()
    assert waiting.value.path().read_bytes().startswith(b"PK")
    go(auditor, "期限与督办")
    expect(auditor.get_by_role("heading", name="考核评估")).to_be_visible()


def test_the_pages_stand_in_english_and_on_a_telephone(city: Faces) -> None:
    clerk = city.page("clerk")
    clerk.set_viewport_size({"width": 390, "height": 844})
    for path in ("/pages", "/pages/catalogue", "/pages/catalogue-new", "/pages/account"):
        clerk.goto(path)
        assert clerk.evaluate("document.documentElement.scrollWidth") <= 390, path
    clerk.get_by_role("button", name="English").click()
    expect(clerk.get_by_role("heading", name="My account")).to_be_visible()
    clerk.get_by_role("button", name="中文").click()
    expect(clerk.get_by_role("heading", name="我的账号")).to_be_visible()
