"""The rule a journal of the flow rests on: the kind of move and the rule file, under one digest."""

from collections.abc import Mapping

from sqlalchemy import Connection, insert, select

from foundation.canonical import canonical_bytes, digest
from policies.schema.revenue import RevenueRules
from revenue.kinds import JournalKind
from revenue.store import settlement_rule


def keep_document(connection: Connection, document: Mapping[str, object]) -> str:
    """Keep a rule document under its digest, once, and return the digest."""
    name = digest(document)
    known = select(settlement_rule.c.digest).where(settlement_rule.c.digest == name)
    if connection.execute(known).first() is None:
        text = canonical_bytes(document).decode()
        connection.execute(insert(settlement_rule).values(digest=name, document=text))
    return name


def flow_rule(connection: Connection, kind: JournalKind, rules: RevenueRules) -> str:
    """Return the digest of the rule that journals of this kind rest on, kept before first use."""
    return keep_document(
        connection,
        {
            "format": "sandgate/ledger-rule@1",
            "kind": kind.value,
            "rules_version": rules.version,
            "rules_digest": digest(rules.model_dump(mode="json")),
            "fictional": rules.fictional,
        },
    )
