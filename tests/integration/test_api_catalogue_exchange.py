"""The catalogue in and out over HTTP and the command line: each form, each refusal, the whole road.

Rows are taken from a bureau's spreadsheet, walk to publication as a batch, and leave as DCAT-AP and
as a package that the command line verifies from the file alone.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from audit.tags import EntryKind
from audit.verify.__main__ import run as verify
from foundation.settings import Settings
from service.cli_catalogue import catalog
from tests.calling import API, People, entries, problem_of
from tests.catalogue import ASSESSMENT, SYSTEM
from tests.catalogue_sheets import row_of, xlsx_of
from tests.city import City, _register_people, opened_city
from tests.hostile_spreadsheets import with_part
from tests.parts import need_namespaces
from tests.rule_files import exchange_rules

pytestmark = need_namespaces
RULES = exchange_rules()
IMPORTS = f"{API}/catalog/imports"
PAPER = ASSESSMENT.model_dump(mode="json")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with opened_city(tmp_path_factory.mktemp("city")) as opened:
        _register_people(opened.platform, {})
        yield opened


@pytest.fixture(scope="module")
def clients(city: City) -> dict[str, httpx.Client]:
    names = ("founder", "steward", "head", "auditor", "analyst")
    return {name: city.client(name) for name in names}


def _judge(client: httpx.Client, rows: list[dict[str, str]], **more: str) -> httpx.Response:
    query = {"file_name": "目录.xlsx", **more}
    return client.post(IMPORTS, params=query, content=xlsx_of(rows, RULES))


@pytest.fixture(scope="module")
def published(clients: dict[str, httpx.Client]) -> str:
    """Walk three rows of a spreadsheet to publication; return the code of the first."""
    steward, head, founder = (clients[name] for name in ("steward", "head", "founder"))
    words = {"zh": "业务系统", "en": "Register"}
    body = {"name": SYSTEM, "label": words, "purpose": words}
    assert steward.post(f"{API}/catalog/systems", json=body).status_code == 201
    found = _judge(steward, [row_of(n) for n in range(3)]).json()
    assert found["counts"]["new"] == 3
    taken = steward.post(f"{IMPORTS}/{found['import']}/taking")
    assert (taken.status_code, taken.json()["drafts"]) == (201, 3)
    (batch,) = steward.get(f"{API}/catalog/batches").json()["batches"]
    path = f"{API}/catalog/batches/{batch['id']}"
    papers = {"secrecy": PAPER, "personal": PAPER}
    for client, step, told in (
        (steward, "assessments", papers),
        (head, "sign-off", {"digest": batch["digest"]}),
        (steward, "submission", None),
        (founder, "publication", {"digest": batch["digest"]}),
    ):
        answer = client.post(f"{path}/{step}", json=told)
        assert answer.status_code == 201, answer.text
    return row_of(0)["目录代码"]


def test_the_template_is_a_file_to_save(clients: dict[str, httpx.Client]) -> None:
    answer = clients["analyst"].get(f"{API}/catalog/import/template")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content.startswith(b"PK")


def test_the_road_from_a_spreadsheet_to_a_harvest(
    clients: dict[str, httpx.Client], published: str
) -> None:
    whole = clients["analyst"].get(f"{API}/catalog/export/dcat")
    assert whole.headers["content-type"] == "application/ld+json"
    assert whole.json()["dcat:dataset"][0]["dct:identifier"] == published
    page = clients["analyst"].get(f"{API}/catalog/export/dcat", params={"limit": 2})
    assert len(page.json()["dcat:dataset"]) == 2
    one = clients["auditor"].get(f"{API}/catalog/export/dcat/entry", params={"code": published})
    assert one.json()["dct:identifier"] == published
    unknown = clients["auditor"].get(f"{API}/catalog/export/dcat/entry", params={"code": "1"})
    problem_of(unknown, 404)


def test_each_form_of_the_report_and_the_refused_rows(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    steward = clients["steward"]
    rows = [row_of(300), row_of(301, 共享属性="看情况")]
    found = _judge(steward, rows).json()
    assert (found["repeated"], found["counts"]["refused"]) == (False, 1)
    path = f"{IMPORTS}/{found['import']}"
    assert steward.get(path).json()["refused"][0]["row"] == 3
    for form in ("json", "csv", "xlsx"):
        assert steward.get(f"{path}/report", params={"form": form}).status_code == 200
    for form in ("csv", "xlsx"):
        assert steward.get(f"{path}/refused", params={"form": form}).status_code == 200
    assert _judge(steward, rows).json()["repeated"]
    assert found["import"] in {one["import"] for one in steward.get(IMPORTS).json()["imports"]}
    assert entries(city, EntryKind.IMPORT_JUDGED)


def test_what_is_wrong_with_a_file_is_said_and_nothing_is_kept(
    clients: dict[str, httpx.Client],
) -> None:
    steward = clients["steward"]
    macros = with_part("xl/vbaProject.bin")
    answer = steward.post(IMPORTS, params={"file_name": "a.xlsx"}, content=macros)
    assert problem_of(answer, 422)["code"] == "sheet_macros"
    wrong = {"file_name": "a.csv"}
    answer = steward.post(IMPORTS, params=wrong, content="甲,乙,丙\n1,2,3\n".encode())
    problem = problem_of(answer, 422)
    assert problem["code"] == "import_header_unknown"
    assert problem["way_out"]
    too_large = b"0" * (RULES.sheets.file_bytes_max + 1)
    assert problem_of(steward.post(IMPORTS, params=wrong, content=too_large), 422)
    problem_of(steward.post(f"{IMPORTS}/imp_x/taking"), 404)


def _batch(clients: dict[str, httpx.Client], first: int) -> str:
    """Take an import of two good rows; return the path of its batch."""
    found = _judge(clients["steward"], [row_of(first), row_of(first + 1)]).json()
    path = f"{IMPORTS}/{found['import']}/taking"
    assert clients["steward"].post(path).json()["drafts"] == 2
    assert problem_of(clients["steward"].post(path), 409)["code"] == "import_taken"
    newest = clients["steward"].get(f"{API}/catalog/batches").json()["batches"][0]
    return f"/catalog/batches/{newest['id']}"


@pytest.mark.usefixtures("published")
def test_a_batch_is_decided_as_a_whole_and_in_its_turn(
    city: City, clients: dict[str, httpx.Client]
) -> None:
    people, path = People(city), _batch(clients, 700)
    batch = people.read("head", path)
    codes = {row["code"] for row in batch["entries"]}
    assert codes == {row_of(number)["目录代码"] for number in (700, 701)}
    digest, papers = {"digest": batch["digest"]}, {"secrecy": PAPER, "personal": PAPER}
    lacks = {"missing": [{"name": "样例数据", "reason": "看不清"}]}
    decisions = (("publication", digest), ("return", lacks), ("refusal", {"reason": "重复"}))
    for step, body in decisions:
        people.refused("founder", f"{path}/{step}", body, 409, "batch_wrong_state")
    people.refused("head", f"{path}/sign-off", digest, 409, "assessments_missing")
    people.refused("steward", f"{path}/submission", {}, 409, "assessments_missing")
    people.post("steward", f"{path}/assessments", papers)
    other = {"digest": "sha256:" + "0" * 64}
    people.refused("head", f"{path}/sign-off", other, 409, "entry_changed_meanwhile")
    people.refused("steward", f"{path}/submission", {}, 409, "sign_off_missing")
    people.post("head", f"{path}/sign-off", digest)
    people.post("steward", f"{path}/submission")
    for name, step, body in (
        ("steward", "assessments", papers),
        ("head", "sign-off", digest),
        ("steward", "submission", {}),
    ):
        people.refused(name, f"{path}/{step}", body, 409, "batch_wrong_state")
    row = f"/catalog/entries/{batch['entries'][0]['id']}"
    people.refused("founder", f"{row}/refusal", {"reason": "重复"}, 409, "entry_in_batch")
    people.refused("steward", f"{path}/refusal", {"reason": "重复"}, 403, "role_missing")
    assert people.post("founder", f"{path}/return", lacks)["id"] == batch["id"]
    assert {row["state"] for row in people.read("steward", path)["entries"]} == {"draft"}
    people.refused("founder", f"{path}/return", lacks, 409, "batch_wrong_state")
    people.refused("steward", f"{path}/submission", {}, 409, "sign_off_missing")
    people.post("head", f"{path}/sign-off", digest)
    people.post("steward", f"{path}/submission")
    people.post("founder", f"{path}/refusal", {"reason": "重复"})
    assert {row["state"] for row in people.read("steward", path)["entries"]} == {"refused"}
    for step, body in decisions:
        people.refused("founder", f"{path}/{step}", body, 409, "batch_wrong_state")
    assert problem_of(clients["analyst"].get(f"{API}{path}"), 403)


def test_an_import_without_a_good_row_is_not_taken(clients: dict[str, httpx.Client]) -> None:
    found = _judge(clients["steward"], [row_of(710, 共享属性="看情况")]).json()
    answer = clients["steward"].post(f"{IMPORTS}/{found['import']}/taking")
    assert problem_of(answer, 409)["code"] == "import_without_good_rows"


def test_strangers_see_and_take_nothing(clients: dict[str, httpx.Client]) -> None:
    problem_of(_judge(clients["analyst"], [row_of(400)]), 403)
    answer = _judge(clients["steward"], [row_of(400)], provider="city_authority")
    problem_of(answer, 403)
    problem_of(clients["steward"].post(f"{API}/catalog/exports"), 403)


def _said(city: City, account: str, *arguments: str) -> str:
    """Run a command in this process against the running service; it must end well."""
    base = city.client().base_url
    url = f"http://{base.host}:{base.port}"
    common = ["--token", city.token(account), "--url", url, "--language", "en"]
    done = CliRunner().invoke(catalog, [*arguments, *common])
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_imports_and_exports_what_verifies(
    city: City, published: str, tmp_path: Path
) -> None:
    book = tmp_path / "目录.xlsx"
    book.write_bytes(xlsx_of([row_of(500), row_of(501, 更新频率="偶尔")], RULES))
    report, refused = tmp_path / "report.csv", tmp_path / "refused.xlsx"
    asked = ("--take", "--report", str(report), "--refused", str(refused))
    assert '"drafts": 1' in _said(city, "steward", "import", str(book), *asked)
    assert "更新频率" in report.read_text(encoding="utf-8-sig")
    assert refused.read_bytes().startswith(b"PK")
    package, key = tmp_path / "package.zip", tmp_path / "log.key"
    _said(city, "founder", "export", "--out", str(package))
    key.write_text(city.platform.log.verifier_key.text())
    checked = ["catalogue", str(package), "--log-key", str(key)]
    assert verify(checked) == 0
    package.write_bytes(package.read_bytes()[:-1])
    assert verify(checked) in {1, 2}
    _said(city, "steward", "template", "--out", str(tmp_path / "template.xlsx"))
    assert published


PAGES = "/pages/catalogue-imports"


def _signed_in(city: City, account: str) -> httpx.Client:
    client = city.client()
    form = {"token": city.token(account), "return": "/pages"}
    assert client.post("/login/development", data=form).status_code == 303
    client.headers["Cookie"] = "; ".join(f"{one.name}={one.value}" for one in client.cookies.jar)
    return client


def _sent(client: httpx.Client, address: str, **more: Any) -> httpx.Response:
    page = client.get(address)
    assert page.status_code == 200, page.text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None
    return client.post(address, data={"csrf_token": found[1], **more.pop("data", {})}, **more)


def test_a_bureau_imports_in_the_browser_without_a_manual(city: City) -> None:
    client = _signed_in(city, "steward")
    home = client.get(PAGES, headers={"Accept-Language": "zh"})
    assert "下载导入模板" in home.text
    assert client.get(f"{PAGES}/template").content.startswith(b"PK")
    hostile = "<script>alert(1)</script>"
    data = xlsx_of([row_of(600, 目录名称=hostile), row_of(601, 共享属性=hostile)], RULES)
    answer = _sent(client, f"{PAGES}/new", files={"file": (f"{hostile}.xlsx", data)})
    assert answer.status_code == 303, answer.text
    report = client.get(answer.headers["location"])
    assert hostile not in report.text
    assert "code_list" not in report.text
    assert client.get(f"{answer.headers['location']}/report").content.startswith(b"PK")
    assert client.get(f"{answer.headers['location']}/refused").content.startswith(b"PK")
    taken = _sent(client, f"{answer.headers['location']}/taking")
    assert (taken.status_code, taken.headers["location"][-6:]) == (303, "done=1")
    done = client.get(taken.headers["location"])
    batch = re.search(r'href="(/pages/catalogue-batches/[^"]+)"', done.text)
    assert batch is not None
    assert client.get(batch[1]).status_code == 200
    twice = _sent(client, f"{answer.headers['location']}/taking")
    assert twice.status_code == 409


def test_a_page_refuses_a_hostile_file_in_words(city: City) -> None:
    client = _signed_in(city, "steward")
    data = with_part("xl/vbaProject.bin")
    answer = _sent(client, f"{PAGES}/new", files={"file": ("a.xlsx", data)})
    assert answer.status_code == 422
    assert "macros" in answer.text
    assert _signed_in(city, "analyst").get(PAGES).status_code == 403


def test_a_package_carries_the_second_signature_where_its_profile_is_on(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", key_holder="process", sm_profile=True)
    with opened_city(settings.home, settings=settings) as city:
        _register_people(city.platform, {})
        answer = city.client("founder").post(f"{API}/catalog/exports")
        keys = city.platform.opened_keys.signer.verifier_keys
    package = tmp_path / "package.zip"
    package.write_bytes(answer.content)
    asked = ["catalogue", str(package), "--key", keys[0].text(), "--sm-key", keys[-1].text()]
    out = io.StringIO()
    with redirect_stdout(out):
        code = verify([*asked, "--json"])
    found = {one["code"] for one in json.loads(out.getvalue())["findings"]}
    assert (code, found) == (0, {"catalogue_holds", "sm2_line_holds"})
