"""Packages of sessions: asked for once, decided by another person, present only when installed."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine
from typer.testing import CliRunner

from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.db import reading
from foundation.errors import Conflict, Denied, NotFound
from foundation.identity import Actor, ActorKind, Role
from sandbox.packages import (
    Package,
    PackageAsked,
    PackageDecided,
    PackageDesk,
    installed_packages,
    normalised,
)
from service.cli_environment import environment

ASKED = PackageAsked(package="Scikit_Learn", version="1.9.0", reason="a model of demand")
YES = PackageDecided(decision="approve", comment="read its licence")


def person(name: str, role: Role, since_us: int = 0, kind: ActorKind = ActorKind.PERSON) -> Actor:
    house = "bureau" if role is Role.AUTHORITY else "o"
    return Actor(name, house, frozenset({role}), kind, since_us)


ANALYST, OFFICER = person("analyst", Role.OPERATOR), person("officer", Role.AUTHORITY)


@pytest.fixture
def installed() -> list[Package]:
    return [Package("pandas", "3.0.1")]


@pytest.fixture
def desk(engine: Engine, writer: GroupCommitWriter, installed: list[Package]) -> PackageDesk:
    return PackageDesk(engine, writer, lambda: installed)


@pytest.mark.parametrize(
    ("package", "version"), [("../x", "1"), ("x; rm", "1"), ("x", ">=1"), ("x", ""), ("-x", "1")]
)
def test_what_is_no_name_or_no_version_is_refused(package: str, version: str) -> None:
    with pytest.raises(ValidationError):
        PackageAsked(package=package, version=version, reason="r")


def test_what_is_installed_is_not_asked_for(desk: PackageDesk) -> None:
    with pytest.raises(Conflict, match="package_installed"):
        desk.request(ANALYST, "lic_1", PackageAsked(package="Pandas", version="3.0.1", reason="r"))


def test_what_is_open_or_approved_is_not_asked_for_again(desk: PackageDesk) -> None:
    found = desk.request(ANALYST, "lic_1", ASKED)
    with pytest.raises(Conflict, match="package_requested"):
        desk.request(ANALYST, "lic_1", ASKED)
    desk.decide(OFFICER, found.id, PackageDecided(decision="refuse", comment="no source"))
    assert desk.request(ANALYST, "lic_1", ASKED).state == "requested"


@pytest.mark.parametrize(
    "actor",
    [
        person("analyst", Role.AUTHORITY),
        person("robot", Role.AUTHORITY, kind=ActorKind.SERVICE),
        person("newcomer", Role.AUTHORITY, since_us=1 << 60),
    ],
)
def test_who_asked_machines_and_newcomers_do_not_decide(desk: PackageDesk, actor: Actor) -> None:
    found = desk.request(ANALYST, "lic_1", ASKED)
    with pytest.raises(Denied):
        desk.decide(actor, found.id, YES)
    assert desk.read(found.id).state == "requested"


def test_a_request_is_decided_once(desk: PackageDesk) -> None:
    found = desk.request(ANALYST, "lic_1", ASKED)
    desk.decide(OFFICER, found.id, YES)
    with pytest.raises(Conflict, match="package_decided"):
        desk.decide(OFFICER, found.id, PackageDecided(decision="refuse", comment="late"))


def test_an_unknown_request_is_not_found(desk: PackageDesk) -> None:
    with pytest.raises(NotFound):
        desk.read("pkg_none")


def test_approved_is_not_installed_until_the_environment_has_it(
    desk: PackageDesk, installed: list[Package], engine: Engine
) -> None:
    found = desk.request(ANALYST, "lic_1", ASKED)
    approved = desk.decide(OFFICER, found.id, YES)
    assert (approved.state, approved.installed) == ("approved", False)
    installed.append(Package(normalised("scikit-learn"), "1.9.0"))
    assert desk.read(found.id).installed
    with reading(engine) as connection:
        kinds = (EntryKind.PACKAGE_REQUESTED, EntryKind.PACKAGE_DECIDED)
        logged = [entry.public["package"] for entry in read_entries(connection, kinds=kinds)]
    assert logged == ["scikit-learn", "scikit-learn"]


def test_an_environment_lists_itself(tmp_path: Path) -> None:
    assert installed_packages(tmp_path) == ()
    listed = CliRunner().invoke(environment, ["list", str(tmp_path)])
    assert listed.exit_code == 2
    assert "会话环境" in listed.output


def test_an_environment_is_never_built_over_another(tmp_path: Path) -> None:
    lock = tmp_path / "session.lock"
    lock.write_text("")
    built = CliRunner().invoke(environment, ["build", str(lock), str(tmp_path)])
    assert built.exit_code == 2


@pytest.mark.full
def test_a_lock_without_hashes_builds_nothing(tmp_path: Path) -> None:
    lock = tmp_path / "session.lock"
    lock.write_text("pandas==3.0.1\n")
    built = CliRunner().invoke(environment, ["build", str(lock), str(tmp_path / "new")])
    assert built.exit_code == 2
