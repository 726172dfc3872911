"""The first people of a new deployment: nobody could confirm them, so they are written at founding.

In development: a founder of the data authority and the three administrators, who sign in with a
token from ``sandgate token``. In production: named people with their identity documents, from the
file of the founding ceremony. Everyone else is proposed by one of them and confirmed by another.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError, model_validator
from sqlalchemy import Engine

from audit.events import Writer
from authorization.organisations import (
    Account,
    Organisation,
    OrganisationKind,
    Person,
    create_organisation,
    create_person,
    organisations,
)
from authorization.persons import ADMINISTRATORS
from catalog.datasets import Frozen
from foundation.clock import SystemClock
from foundation.db import reading
from foundation.errors import InvalidInput, Message, Unavailable
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.keys import FileKeyStore, KeyStore
from foundation.settings import Mode, Settings
from service.login.identities import identity_digest
from service.tokens import DevelopmentIssuer

AUTHORITY = "data_authority"
PLATFORM = "platform"
FOUNDER = "founder"
SYSTEM_ADMIN, SECURITY_ADMIN, AUDIT_ADMIN = "system_admin", "security_admin", "audit_admin"
_AUTHORITY_PEOPLE_MIN = 2
_OF_AUTHORITY = frozenset({Role.AUTHORITY})


class FoundingPerson(Frozen):
    """One named person of the ceremony; the number of the document is not kept."""

    id: str
    name: str = Field(min_length=1, max_length=200)
    role: Role
    account: str = Field(min_length=1, max_length=200)
    identity_kind: str = Field(min_length=2, max_length=40)
    identity_number: str = Field(min_length=4, max_length=60)


class Ceremony(Frozen):
    """Who founds a deployment: two people of the authority and the three administrators."""

    authority_zh: str = Field(min_length=1, max_length=200)
    authority_en: str = Field(min_length=1, max_length=200)
    authority_credit_code: str | None = None
    people: tuple[FoundingPerson, ...] = Field(min_length=5, max_length=20)

    @model_validator(mode="after")
    def _whole(self) -> "Ceremony":
        roles = [person.role for person in self.people]
        if not set(roles) <= {*ADMINISTRATORS, *_OF_AUTHORITY} or not set(roles) >= ADMINISTRATORS:
            raise ValueError("the founders are of the authority, or one of three administrators")
        if roles.count(Role.AUTHORITY) < _AUTHORITY_PEOPLE_MIN:
            raise ValueError("two people of the authority found a deployment")
        for names in ("id", "account", "identity_number"):
            if len({getattr(person, names) for person in self.people}) != len(self.people):
                raise ValueError(f"each founder has an own {names}")
        return self


def read_ceremony(path: Path) -> Ceremony:
    """Read the file of a founding ceremony (TOML). Raises InvalidInput; no value is shown."""
    try:
        return Ceremony.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        where = ""
        if isinstance(error, ValidationError):
            where = "; ".join(
                f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
                for one in error.errors(include_input=False, include_context=False)
            )
        raise InvalidInput(
            "founding_file_invalid",
            Message(
                zh=f"创始名单文件无法读取或不符合要求。{where}",
                en=f"The founding file cannot be read or lacks something. {where}".rstrip(),
            ),
            field="founding",
            rule="founding",
        ) from error


def found(writer: Writer, engine: Engine, settings: Settings, keys: KeyStore) -> bool:
    """Register platform, data authority and founders where nobody exists; tell whether it did.

    Raises Unavailable in production without a founding file.
    """
    with reading(engine) as connection:
        if organisations(connection):
            return False
    if settings.founding is not None:
        ceremony = read_ceremony(settings.founding)
        people = people_of(ceremony, keys)
        named = (ceremony.authority_zh, ceremony.authority_en, ceremony.authority_credit_code)
    elif settings.mode is Mode.PRODUCTION:
        raise Unavailable(
            "founding_missing",
            Message(
                zh="新部署须由创始名单文件登记首批人员，请设置 SANDGATE_FOUNDING。",
                en="A new deployment is founded by named people: set SANDGATE_FOUNDING.",
            ),
        )
    else:
        people, named = development_people(), ("数据主管部门", "Data authority", None)
    for organisation in (
        Organisation(
            id=PLATFORM,
            kind=OrganisationKind.PLATFORM,
            name_zh="沙闸平台",
            name_en="Sandgate platform",
        ),
        Organisation(
            id=AUTHORITY,
            kind=OrganisationKind.AUTHORITY,
            name_zh=named[0],
            name_en=named[1],
            credit_code=named[2],
        ),
    ):
        create_organisation(writer, SYSTEM_ACTOR, organisation)
    for person in people:
        create_person(writer, SYSTEM_ACTOR, person)
    return True


def people_of(ceremony: Ceremony, keys: KeyStore) -> Sequence[Person]:
    """Return the founders as they are registered: identities as keyed digests only."""
    return [
        _person(
            one.id,
            one.name,
            one.role,
            one.account,
            identity_digest(keys, one.identity_kind, one.identity_number),
        )
        for one in ceremony.people
    ]


def development_people() -> Sequence[Person]:
    """Return the founders of a deployment for development: known names, no identity."""
    return [
        _person(FOUNDER, "Founder 创始管理员", Role.AUTHORITY, FOUNDER),
        _person(SYSTEM_ADMIN, "System 系统管理员", Role.SYSTEM_ADMINISTRATOR, SYSTEM_ADMIN),
        _person(SECURITY_ADMIN, "Security 安全管理员", Role.SECURITY_ADMINISTRATOR, SECURITY_ADMIN),
        _person(AUDIT_ADMIN, "Audit 审计管理员", Role.AUDIT_ADMINISTRATOR, AUDIT_ADMIN),
    ]


def founder_token(settings: Settings, account: str = FOUNDER) -> str:
    """Return a development token for a founder, made with the key in the service's home."""
    keys = FileKeyStore(settings.home / "keys")
    return DevelopmentIssuer(keys, SystemClock()).issue(account).text


def _person(
    identifier: str, name: str, role: Role, account: str, identity: str | None = None
) -> Person:
    house = AUTHORITY if role is Role.AUTHORITY else PLATFORM
    return Person(
        id=identifier,
        name=name,
        identity=identity,
        organisations=(house,),
        roles=(role,),
        accounts=(Account(name=account, organisation=house),),
    )
