"""Cases, holds and purges of this platform, joined from the audit room's parts and the rules."""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Engine

from audit.cases.export import CaseExporter
from audit.cases.files import CaseFiles
from audit.cases.texts import CaseTexts
from audit.events import Writer
from audit.notes import VerifierKey
from audit.retention.classes import Classes, RecordClass
from audit.retention.keys import TextKeys
from audit.retention.purge import PurgeDesk
from authorization.separation import (
    check_another_person,
    check_natural_person,
    check_older_than,
    check_role,
)
from foundation.identity import Actor, Role
from foundation.keys import KeyStore
from policies.load import PolicyPack
from policies.schema.retention import Erasure, RetentionRules


@dataclass(frozen=True)
class RecordKeeping:
    """What holds, opens, exports and erases what the log keeps in private."""

    classes: Classes
    files: CaseFiles
    texts: CaseTexts
    exporter: CaseExporter
    keys: TextKeys
    purges: PurgeDesk

    @classmethod
    def of(
        cls,
        engine: Engine,
        writer: Writer,
        keys: KeyStore,
        pack: PolicyPack,
        verifier_key: VerifierKey,
    ) -> Self:
        """Join the parts."""
        classes = classes_of(pack)
        texts = CaseTexts(engine, writer, keys, classes)
        text_keys = TextKeys(engine, writer, keys)
        return cls(
            classes=classes,
            files=CaseFiles(writer),
            texts=texts,
            exporter=CaseExporter(
                engine,
                writer,
                texts,
                key=verifier_key,
                policies=pack.sources,
                policy_digest=pack.digest,
            ),
            keys=text_keys,
            purges=PurgeDesk(engine, writer, text_keys, classes),
        )


def check_second_person(actor: Actor, proposed_by: str, proposed_us: int) -> None:
    """Refuse to let an actor confirm a purge: another natural person of the authority must (I8)."""
    check_role(actor, Role.AUTHORITY)
    check_natural_person(actor)
    check_another_person(actor, proposed_by)
    check_older_than(actor, proposed_us)


def classes_of(pack: PolicyPack) -> Classes:
    """Return the classes of record in force."""
    return Classes(
        RecordClass(
            name=item.name,
            label_zh=item.label_zh,
            label_en=item.label_en,
            minimum_months=item.minimum_months,
            maximum_months=item.maximum_months,
            purged=item.erasure is Erasure.PURGE,
            readable=item.readable_in_case,
            kinds=item.kinds,
            fields=item.fields,
        )
        for item in pack.rules(RetentionRules).classes
    )
