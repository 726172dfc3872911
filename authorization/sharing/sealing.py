"""The data-sharing seal (数据共享专用章): a decision as a paper and as signed data, bound as one.

The seal is used for a logged order of a person entitled to it: who decided, or the providing
department's head. What is signed names the paper's digest, so neither can be exchanged; the paper
names the sealed decision's id. The signature lies beside the paper and not inside it.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from audit.events import AuditEvent, PendingEntry, Recorded
from audit.tags import EntryKind
from authorization.organisations import organisation_by_id, person_by_id
from authorization.separation import check_natural_person
from authorization.sharing.parts import SharingParts, entry_name
from authorization.sharing.states import Share, no_such_share, require_share
from authorization.sharing.store import share_seal
from foundation.canonical import canonical_bytes, digest, salted_commitment, sha256_hex
from foundation.clock import from_iso, to_iso
from foundation.db import reading
from foundation.errors import Conflict, Denied, Message, NotFound
from foundation.identity import Actor, Role
from foundation.ids import new_id
from foundation.keys import Citation, KeyStore
from foundation.paper import Paper

FORMAT = "sandgate/sealed-decision@1"
CONTEXT = b"sandgate/sealed-decision@1\n"
SEAL_KEY = "share-seal"
SEAL_WORDS = "数据共享专用章"
SALT_BYTES = 32
OUTCOMES = {"approved": "同意共享", "refused": "不同意共享"}
MODES = {"service": "服务接口", "batch": "批量交换", "file": "文件下载"}
_CIVIL_CHARACTERS = 19


@dataclass(frozen=True)
class Sealed:
    """A sealed decision: the machine form as it is handed out, and the paper."""

    id: str
    machine: bytes
    paper: bytes


@dataclass(frozen=True)
class Sealing:
    """Seals decisions. ``second`` adds an SM2 signature (GB/T 32918) to the Ed25519 one."""

    desk: SharingParts
    keys: KeyStore
    second: bool = False

    def seal(self, actor: Actor, share_id: str) -> Recorded[Sealed]:
        """Seal a decision, once. Raises NotFound, Denied to whoever is not entitled, Conflict."""
        check_natural_person(actor)
        with reading(self.desk.engine) as connection:
            share = _decided(connection, actor, share_id)
            facts = self._facts(connection, share)
        paper = decision_pdf(facts)
        document = {
            **facts,
            "paper_digest": f"sha256:{sha256_hex(paper)}",
            "salt": secrets.token_hex(SALT_BYTES),
        }
        ordered = self._order(actor, share, document)
        signatures = self._signatures(document, ordered.citation)
        return self._keep(actor, share, document, paper, signatures, ordered)

    def _order(self, actor: Actor, share: Share, document: Mapping[str, Any]) -> Recorded[None]:
        """Log the order to use the seal, which commits to this very document."""
        text = canonical_bytes(document)
        event = AuditEvent(
            EntryKind.SEAL_ORDERED,
            actor,
            {
                "share": share.id,
                "sealed": document["sealed"],
                "outcome": document["outcome"],
                "document_digest": digest(document),
                "paper_digest": document["paper_digest"],
                "certifies": salted_commitment(bytes.fromhex(document["salt"]), text),
            },
        )

        def apply(connection: Connection, _entry: PendingEntry) -> None:
            _decided(connection, actor, share.id)

        return self.desk.writer.submit(event, apply)

    def _signatures(self, document: Mapping[str, Any], cited: Citation) -> list[dict[str, str]]:
        data = CONTEXT + canonical_bytes(document)
        public = self.keys.ensure_signing_key(SEAL_KEY)
        made = [_signature("Ed25519", public, self.keys.sign(SEAL_KEY, data, cited))]
        if self.second:
            chinese = self.keys.ensure_sm2_key(SEAL_KEY)
            made.append(_signature("SM2-SM3", chinese, self.keys.sign_sm2(SEAL_KEY, data, cited)))
        return made

    def _keep(
        self,
        actor: Actor,
        share: Share,
        document: Mapping[str, Any],
        paper: bytes,
        signatures: list[dict[str, str]],
        ordered: Recorded[None],
    ) -> Recorded[Sealed]:
        proof = {
            "index": ordered.index,
            "body": base64.b64encode(ordered.body).decode(),
            "receipt": ordered.receipt,
        }
        event = AuditEvent(
            EntryKind.DECISION_SEALED,
            actor,
            {
                "share": share.id,
                "sealed": document["sealed"],
                "ordered": ordered.index,
                "document_digest": digest(document),
                "algorithms": [one["algorithm"] for one in signatures],
            },
        )

        def apply(connection: Connection, entry: PendingEntry) -> Sealed:
            _decided(connection, actor, share.id)
            connection.execute(
                insert(share_seal).values(
                    request=share.id,
                    id=document["sealed"],
                    document=canonical_bytes(document).decode(),
                    paper=paper,
                    signatures=json.dumps(signatures),
                    ordered=json.dumps(proof),
                    person=actor.person,
                    made_us=entry.time_us,
                )
            )
            return sealed_decision(connection, share.id)

        return self.desk.writer.submit(event, apply)

    def _facts(self, connection: Connection, share: Share) -> dict[str, Any]:
        decision, form = share.decision, json.loads(share.document)
        assert decision is not None  # noqa: S101 - what _decided just looked at
        name = entry_name(connection, share.entry)
        minutes = self.desk.clocks.rules.calendar.utc_offset_minutes
        local_us = (share.decided_us or 0) + minutes * 60_000_000
        return {
            "format": FORMAT,
            "sealed": new_id("seal"),
            "share": share.id,
            "case": share.case_number,
            "entry": {"id": share.entry, "name": name.zh},
            "provider": _house(connection, share.provider),
            "requester": _house(connection, share.requester),
            "form": form,
            "form_digest": share.document_digest,
            "outcome": decision.outcome,
            "reason": decision.reason,
            "legal_basis": decision.legal_basis,
            "conditions": list(decision.conditions),
            "decided_by": _person(connection, share.decided_by or ""),
            "decided_at": to_iso(share.decided_us or 0),
            "decided_local": to_iso(local_us)[:_CIVIL_CHARACTERS].replace("T", " "),
            "policy_digest": self.desk.policy_digest,
        }


def sealed_decision(connection: Connection, share_id: str) -> Sealed:
    """Return a sealed decision as it is handed out. Raises NotFound before it is sealed."""
    row = connection.execute(select(share_seal).where(share_seal.c.request == share_id)).first()
    if row is None:
        raise NotFound(
            "decision_not_sealed",
            Message("该决定尚未加盖数据共享专用章。", "This decision is not sealed yet."),
        )
    return Sealed(row.id, _machine(row), bytes(row.paper))


def decision_pdf(facts: Mapping[str, Any]) -> bytes:
    """Return the paper of a decision, in Chinese, with the seal drawn on it."""
    form = facts["form"]
    paper = Paper(
        "政务数据共享决定书",
        made_at_us=from_iso(facts["decided_at"]),
        subtitle=f"办件编号 {facts['case']}",
        footer=f"{facts['sealed']} · {digest(dict(facts))}",
    )
    paper.facts(
        [
            ("申请单位", facts["requester"]["name"]),
            ("提供单位", facts["provider"]["name"]),
            ("目录条目", facts["entry"]["name"]),
            ("使用依据", form["basis"]),
            ("使用场景", form["scenario"]),
            ("使用范围", form["scope"]),
            ("共享方式", MODES.get(form["mode"], form["mode"])),
            ("使用时限", f"至 {form['until']}"),
        ]
    )
    paper.heading(f"决定：{OUTCOMES[facts['outcome']]}")
    if facts["outcome"] == "refused":
        paper.facts([("理由", facts["reason"]), ("依据", facts["legal_basis"])])
    elif facts["conditions"]:
        paper.facts([("使用条件", "；".join(facts["conditions"]))])
    paper.facts([("决定人", facts["decided_by"]["name"]), ("决定时间", facts["decided_local"])])
    paper.seal(facts["provider"]["name"], SEAL_WORDS)
    paper.paragraph(
        "印章图形本身不作为凭据。请连同随附的签名文件，用 sandgate verify decision 离线核验。",
        small=True,
    )
    paper.code(facts["sealed"], "签章编号")
    return paper.pdf()


def _machine(row: Row[Any]) -> bytes:
    return canonical_bytes(
        {
            "document": json.loads(row.document),
            "signatures": json.loads(row.signatures),
            "entry": json.loads(row.ordered),
        }
    )


def _signature(algorithm: str, public: bytes, signature: bytes) -> dict[str, str]:
    return {"algorithm": algorithm, "public_key": public.hex(), "signature": signature.hex()}


def _decided(connection: Connection, actor: Actor, share_id: str) -> Share:
    """Return a decided, unsealed request whose seal the actor may use."""
    share = require_share(connection, share_id)
    if share.provider != actor.organisation or share.submitted_us is None:
        raise no_such_share()
    if share.decision is None or share.decided_us is None:
        raise Conflict(
            "decision_missing",
            Message("尚未作出决定，不得用印。", "Nothing is decided yet: no seal."),
            field="state",
        )
    head = actor.has(Role.DEPARTMENT_HEAD)
    if actor.person != share.decided_by and not head:
        raise Denied(
            "seal_not_entitled",
            Message(
                "数据共享专用章由作出决定的人员或提供单位负责人使用。",
                "The seal is used by whoever decided, or by the providing department's head.",
            ),
            field="actor",
            rule="数据共享专用章",
        )
    query = select(share_seal.c.id).where(share_seal.c.request == share_id)
    if connection.execute(query).first() is not None:
        raise Conflict(
            "decision_sealed",
            Message("该决定已用印。", "This decision is sealed already."),
            field="state",
        )
    return share


def _house(connection: Connection, organisation: str) -> dict[str, str]:
    found = organisation_by_id(connection, organisation)
    return {"id": organisation, "name": organisation if found is None else found.name_zh}


def _person(connection: Connection, person: str) -> dict[str, str]:
    found = person_by_id(connection, person)
    return {"id": person, "name": person if found is None else found.name}
