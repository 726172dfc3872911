"""The first people of a new deployment: the data authority and its founding person.

Everyone else is registered through the API by people who already exist. In development the founder
signs in with a token from ``sandgate token``.
"""

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
from foundation.clock import SystemClock
from foundation.db import reading
from foundation.identity import SYSTEM_ACTOR, Role
from foundation.keys import FileKeyStore
from foundation.settings import Settings
from service.tokens import DevelopmentIssuer

AUTHORITY = "data_authority"
PLATFORM = "platform"
FOUNDER = "founder"


def found(writer: Writer, engine: Engine) -> bool:
    """Register platform, data authority and founder where nobody exists; tell whether it did."""
    with reading(engine) as connection:
        if organisations(connection):
            return False
    for identifier, kind, name_zh, name_en in (
        (PLATFORM, OrganisationKind.PLATFORM, "沙闸平台", "Sandgate platform"),
        (AUTHORITY, OrganisationKind.AUTHORITY, "数据主管部门", "Data authority"),
    ):
        create_organisation(
            writer,
            SYSTEM_ACTOR,
            Organisation(id=identifier, kind=kind, name_zh=name_zh, name_en=name_en),
        )
    create_person(
        writer,
        SYSTEM_ACTOR,
        Person(
            id=FOUNDER,
            name="Founder 创始管理员",
            organisations=(AUTHORITY,),
            roles=(Role.AUTHORITY,),
            accounts=(Account(name=FOUNDER, organisation=AUTHORITY),),
        ),
    )
    return True


def founder_token(settings: Settings) -> str:
    """Return a development token for the founder, made with the key in the service's home."""
    keys = FileKeyStore(settings.home / "keys")
    return DevelopmentIssuer(keys, SystemClock()).issue(FOUNDER).text
