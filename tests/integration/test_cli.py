"""The command line as people meet it: exit codes, one readable sentence, and never a traceback."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.city import City, built_city
from tests.parts import REPOSITORY

GOOD, REFUSED, UNUSABLE = 0, 1, 2
NOBODY_LISTENS = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


def sandgate(*arguments: str, home: Path | None = None, **variables: str) -> Said:
    environment = {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "SANDGATE_HOME": str(home or "/nonexistent"),
        **variables,
    }
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", *arguments],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    with built_city(tmp_path_factory.mktemp("city")) as city:
        yield city


def url_of(city: City) -> str:
    base = city.client().base_url
    return f"http://{base.host}:{base.port}"


def remote(city: City, account: str, *arguments: str) -> Said:
    token = city.token(account)
    common = ("--token", token, "--url", url_of(city), "--language", "en")
    return sandgate(*arguments, *common)


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        (NOBODY_LISTENS, ("audit", "export", "--out", "x.zip")),
        (NOBODY_LISTENS, ("licence", "suspend", "lic_x", "--reason", "r")),
        ("http://nowhere.invalid", ("licence", "received", "../../health")),
        ("ftp://x", ("period", "close", "2026-11")),
        ("ht!tp://[:", ("statement", "show", "2026-11")),
    ],
)
def test_a_service_out_of_reach_is_one_sentence(url: str, arguments: tuple[str, ...]) -> None:
    said = sandgate(*arguments, "--token", "t", "--url", url)
    assert (said.code, said.out) == (UNUSABLE, "")
    assert said.err.count("\n") == 1
    assert "平台无法连接 / the service cannot be reached" in said.err


class _Stranger(BaseHTTPRequestHandler):
    """Some other web server, at whose address no Sandgate answers."""

    def do_GET(self) -> None:
        good = self.path.endswith("statements")
        self.send_response(200 if good else 502)
        self.end_headers()
        self.wfile.write(b"<html>It works</html>")

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def test_another_web_server_is_not_taken_for_the_service() -> None:
    with HTTPServer(("127.0.0.1", 0), _Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            for command in (("statement", "show", "p"), ("period", "close", "p")):
                url = f"http://127.0.0.1:{server.server_port}"
                said = sandgate(*command, "--token", "t", "--url", url)
                assert said.code in {REFUSED, UNUSABLE}
                assert "no Sandgate service answers there" in said.err
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "arguments",
    [
        ("unknown",),
        ("serve", "--unknown"),
        ("audit", "key"),
        ("audit", "export", "--token", "t"),
        ("licence", "suspend", "lic_x", "--token", "t"),
    ],
)
def test_unusable_arguments_exit_2(arguments: tuple[str, ...]) -> None:
    assert sandgate(*arguments).code == UNUSABLE


def test_unusable_settings_are_named() -> None:
    for command in ("serve", "doctor", "token"):
        said = sandgate(command, SANDGATE_PORT="many", SANDGATE_MODE="play")
        assert said.code == UNUSABLE
        assert "SANDGATE_MODE" in said.err
        assert "SANDGATE_PORT" in said.err


def test_a_home_that_cannot_be_written_is_one_sentence() -> None:
    said = sandgate("token", home=Path("/proc/nothing"))
    assert said.code == UNUSABLE
    assert "无法读写 / cannot be read or written" in said.err


def test_production_refuses_the_development_issuer(tmp_path: Path) -> None:
    for language, wanted in (("zh", "生产模式"), ("en", "Production refuses")):
        said = sandgate(
            "serve", home=tmp_path, SANDGATE_MODE="production", SANDGATE_LANGUAGE=language
        )
        assert said.code == REFUSED
        assert wanted in said.err


def test_doctor_speaks_both_languages_and_json() -> None:
    chinese, english = (sandgate("doctor", "--lang", tongue) for tongue in ("zh", "en"))
    assert chinese.code == english.code
    assert "命名空间" in chinese.out
    assert "Namespaces" in english.out
    assert "见证方" in chinese.out
    assert "Key holder" in english.out
    limits = json.loads(sandgate("doctor", "--json").out)["limits"]
    assert {line["enforced"] for line in limits} <= {True, False}


def test_verify_helps_and_names_unusable_input(tmp_path: Path) -> None:
    shown = sandgate("verify", "--help")
    assert shown.code == GOOD
    assert "bundle" in shown.out
    missing = str(tmp_path / "none.zip")
    assert sandgate("verify", "bundle", missing, "--key", missing).code == UNUSABLE


def test_a_refusal_is_a_sentence_with_its_code(city: City) -> None:
    said = remote(city, "analyst", "licence", "suspend", city.licence, "--reason", "r")
    assert said.code == REFUSED
    assert "[role_missing]" in said.err
    said = remote(city, "founder", "licence", "suspend", city.licence, "--reason", "")
    assert (said.code, "[invalid_field]" in said.err) == (UNUSABLE, True)
    said = remote(city, "founder", "licence", "received", "../../health")
    assert (said.code, said.out) == (REFUSED, "")
    for command in (("period", "close", "1999-01"), ("statement", "show", "1999-01")):
        assert remote(city, "founder", *command).code == REFUSED


def test_a_file_that_cannot_be_written_is_one_sentence(city: City, tmp_path: Path) -> None:
    out = str(tmp_path / "no" / "folder.zip")
    said = remote(city, "auditor", "audit", "kept", "--out", out)
    assert said.code == UNUSABLE
    assert "the file cannot be written" in said.err


def test_what_the_regulator_saves_verifies_and_a_flipped_byte_does_not(
    city: City, tmp_path: Path
) -> None:
    key, bundle, kept = (tmp_path / name for name in ("log.key", "bundle.zip", "kept.zip"))
    key.write_text(remote(city, "auditor", "audit", "key").out, encoding="utf-8")
    assert remote(city, "auditor", "audit", "kept", "--out", str(kept)).code == GOOD
    assert remote(city, "auditor", "audit", "export", "--out", str(bundle)).code == GOOD
    check = ("verify", "bundle", str(bundle), "--key", str(key), "--since", str(kept))
    assert sandgate(*check).code == GOOD
    bundle.write_bytes(bundle.read_bytes()[:-40])
    assert sandgate(*check).code in {REFUSED, UNUSABLE}


def test_the_founders_token_opens_the_api(city: City) -> None:
    said = sandgate("token", home=city.home)
    assert said.code == GOOD
    listed = sandgate(
        "licence", "received", city.licence, "--token", said.out.strip(), "--url", url_of(city)
    )
    assert json.loads(listed.out) == {"licence": city.licence, "received": []}


def test_money_is_taken_in_by_two_people_from_the_command_line(city: City, tmp_path: Path) -> None:
    assert remote(city, "founder", "period", "open", "2026-11").code == GOOD
    body = tmp_path / "deposit.json"
    body.write_text(
        '{"biller": "pearl_operator", "payer": "harbour_buyer", "fen": 5000,'
        ' "bank_reference": "b-1", "reason": "prepaid"}',
        encoding="utf-8",
    )
    proposed = remote(city, "treasurer", "ledger", "deposit", str(body))
    assert proposed.code == GOOD, proposed.err
    (move,) = json.loads(remote(city, "founder", "ledger", "moves").out)["moves"]
    again = remote(city, "treasurer", "ledger", "approve", move["id"])
    assert again.code == REFUSED
    assert remote(city, "founder", "ledger", "approve", move["id"]).code == GOOD
    assert "5000" in remote(city, "auditor", "ledger", "balances").out
    assert remote(city, "buyer", "ledger", "pools").code == GOOD


def test_a_proposal_names_its_fields_and_a_file_that_is_none_is_unusable(
    city: City, tmp_path: Path
) -> None:
    assert "bank_reference" in sandgate("ledger", "receipt", "--help").out
    missing = remote(city, "treasurer", "ledger", "receipt", str(tmp_path / "none.json"))
    assert (missing.code, "not readable as JSON" in missing.err) == (UNUSABLE, True)
    body = tmp_path / "decision.json"
    body.write_text('{"outcome": "dismissed", "reason": "r"}', encoding="utf-8")
    for command in (("hold", "dispute_x"), ("decide", "dispute_x", str(body))):
        assert remote(city, "treasurer", "ledger", *command).code == REFUSED
    assert json.loads(remote(city, "buyer", "ledger", "disputes").out) == {"disputes": []}
