"""Who founds a deployment: named people with distinct identities, or nobody in production."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from audit.writer import GroupCommitWriter
from authorization.organisations import actor_for_account, person_by_id
from foundation.db import metadata, reading
from foundation.errors import InvalidInput, Unavailable
from foundation.identity import Role
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.founding import found, read_ceremony
from tests.fakes import SteppedClock
from tests.registering import resident_id

PEOPLE = (
    ("li", "authority"),
    ("zhao", "authority"),
    ("qian", "system_administrator"),
    ("sun", "security_administrator"),
    ("zhou", "audit_administrator"),
)


def ceremony(*people: tuple[str, str], number: Callable[[str], str] = resident_id) -> str:
    head = 'authority_zh = "示例市数据局"\nauthority_en = "Example data bureau"\n'
    return head + "".join(
        f'[[people]]\nid = "{name}"\nname = "{name}"\nrole = "{role}"\naccount = "{name}@city"\n'
        f'identity_kind = "resident_id"\nidentity_number = "{number(name)}"\n'
        for name, role in people
    )


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    with GroupCommitWriter(engine, keys, clock, "city.example/log", tmp_path / "head") as found_it:
        yield found_it


def test_named_people_found_a_deployment_once(
    writer: GroupCommitWriter, engine: Engine, keys: FileKeyStore, tmp_path: Path
) -> None:
    path = tmp_path / "founding.toml"
    path.write_text(ceremony(*PEOPLE), encoding="utf-8")
    settings = Settings(home=tmp_path, mode="production", founding=path)
    assert found(writer, engine, settings, keys)
    assert not found(writer, engine, settings, keys)
    with reading(engine) as connection:
        assert person_by_id(connection, "founder") is None
        security = actor_for_account(connection, "sun@city")
        digests = [person_by_id(connection, name) for name, _ in PEOPLE]
    assert security.roles == {Role.SECURITY_ADMINISTRATOR}
    assert len({one.identity for one in digests if one is not None and one.identity}) == len(PEOPLE)


def test_production_is_founded_by_nobody_unnamed(
    writer: GroupCommitWriter, engine: Engine, keys: FileKeyStore, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="founding_missing"):
        found(writer, engine, Settings(home=tmp_path, mode="production"), keys)


@pytest.mark.parametrize(
    "text",
    [
        ceremony(*PEOPLE[:4]),
        ceremony(PEOPLE[0], *PEOPLE[2:], ("wu", "operator")),
        ceremony(PEOPLE[0], *PEOPLE[2:], ("wu", "audit_administrator")),
        ceremony(*PEOPLE, number=lambda _name: resident_id("one")),
        "people = 1",
        "not toml",
    ],
)
def test_a_ceremony_that_lacks_someone_is_refused_without_its_numbers(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "founding.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match="founding_file_invalid") as refusal:
        read_ceremony(path)
    for name, _ in PEOPLE:
        assert resident_id(name) not in str(refusal.value)
