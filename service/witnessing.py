"""Answers wait for witnesses, and a log that a witness contradicts gives none.

The rules say how many witnesses, for which entries and how late (``policies/witness``); the file
that the settings name says who they are. An answer that is withheld stays stored and charged; the
withholding is an entry of its own.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from audit.cosignatures import parse_witness_key
from audit.cosigned import best_cosigned_size, cosigned_receipt, uncovered_since_us
from audit.cosigning import CONTRARY, Answer, Cosigning, Peer, Seen, Standing, Tempo, Unreachable
from audit.events import AuditEvent, PendingEntry, Recorded, Writer, no_effect
from audit.notes import BadNote, VerifierKey
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from foundation.clock import MICROSECONDS_PER_SECOND, Clock, to_iso
from foundation.db import reading
from foundation.errors import InvalidInput, Message, SandgateError, Unavailable
from foundation.identity import SYSTEM_ACTOR
from policies.schema.witness import WitnessRules
from service.outbound import NotSent, Outbound, checked_address

T = TypeVar("T")
MILLISECONDS_PER_SECOND = 1_000
RULE = "policies/witness"
EXPORTS = frozenset({EntryKind.BUNDLE_EXPORTED, EntryKind.CASE_EXPORTED, EntryKind.VIEW_EXPORTED})
_LINE_PARTS = 4


def read_peers(path: Path) -> tuple[Peer, ...]:
    """Read who the witnesses are: lines ``witness NAME VKEY URL`` of c2sp.org/tlog-policy.

    Keys of one address are one witness and must share its name. Raises InvalidInput.
    """
    found: dict[str, list[VerifierKey]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_file(0) from error
    for number, line in enumerate(lines, start=1):
        parts = line.split()
        if not parts or parts[0].startswith("#"):
            continue
        if len(parts) != _LINE_PARTS or parts[0] != "witness":
            raise _bad_file(number)
        try:
            key, url = parse_witness_key(parts[2]), checked_address(parts[3])
        except (BadNote, InvalidInput) as error:
            raise _bad_file(number) from error
        found.setdefault(url, []).append(key)
    peers = tuple(Peer(keys[0].name, tuple(keys), url) for url, keys in found.items())
    material = [key.public_key for peer in peers for key in peer.keys]
    alone = all(key.name == peer.name for peer in peers for key in peer.keys)
    if not alone or len({peer.name for peer in peers}) != len(peers):
        raise _bad_file(0)
    if len(set(material)) != len(material):
        raise _bad_file(0)
    return peers


@dataclass(frozen=True)
class Witnessing:
    """The witnesses of this platform, and what their absence or contradiction closes."""

    rules: WitnessRules
    cosigning: Cosigning
    engine: Engine
    clock: Clock

    def closed(self, kind: str) -> SandgateError | None:
        """Say why an entry of this kind is refused now; None where it is not."""
        if kind not in self.rules.closed_kinds:
            return None
        contrary = self.cosigning.contrary()
        if contrary is not None:
            return contradicted(contrary, self.cosigning.seen()[contrary.name])
        return self._overdue()

    def _overdue(self) -> SandgateError | None:
        within = self.rules.within_delay
        if within.witnesses == 0:
            return None
        with reading(self.engine) as connection:
            since_us = uncovered_since_us(connection, self.cosigning.covered_size(within.witnesses))
        late_us = 0 if since_us is None else self.clock.now_us() - since_us
        if late_us <= within.delay_seconds_max * MICROSECONDS_PER_SECOND:
            return None
        return Unavailable(
            "witnesses_late",
            Message(
                f"日志已超过 {within.delay_seconds_max} 秒未得到 {within.witnesses} 个见证方的"
                "见证，暂不受理新的查询。",
                f"For over {within.delay_seconds_max} seconds the log has lacked "
                f"{within.witnesses} witnesses; no new question is taken.",
            ),
            rule=RULE,
            way_out=_ASK_AGAIN,
        )

    def as_public(self) -> dict[str, object]:
        """Tell how each witness stands, for everyone to see."""
        found = self.cosigning.seen()
        return {
            "required_before_release": self.rules.before_release.witnesses,
            "required_within_delay": self.rules.within_delay.witnesses,
            "contradicted": self.cosigning.contrary() is not None,
            "witnesses": [
                {
                    "name": peer.name,
                    "standing": found[peer.name].standing.value,
                    "size": found[peer.name].size,
                    "time": to_iso(found[peer.name].time_s * MICROSECONDS_PER_SECOND)
                    if found[peer.name].time_s
                    else None,
                }
                for peer in self.cosigning.peers
            ],
        }


class WitnessedWriter:
    """Stands before the writer: refuses what is closed, and lets answers wait for witnesses."""

    def __init__(self, writer: Writer, witnessing: Witnessing) -> None:
        """Stand before a writer."""
        self._writer = writer
        self._witnessing = witnessing

    def submit(
        self, event: AuditEvent, apply: Callable[[Connection, PendingEntry], T]
    ) -> Recorded[T]:
        """Submit as the writer does. Raises Unavailable where witnesses contradict or lack."""
        closed = self._witnessing.closed(event.kind)
        if closed is not None:
            raise closed
        recorded = self._writer.submit(event, apply)
        rule = self._witnessing.rules.before_release
        if rule.witnesses and event.kind in rule.kinds:
            return self._awaited(event, recorded)
        if event.kind in EXPORTS and self._witnessing.cosigning.peers:
            return self._attempted(recorded)
        return recorded

    def _awaited(self, event: AuditEvent, recorded: Recorded[T]) -> Recorded[T]:
        rule = self._witnessing.rules.before_release
        size = self._witnessing.cosigning.wait_for(
            recorded.index, rule.witnesses, rule.milliseconds_max / MILLISECONDS_PER_SECOND
        )
        if size is None:
            public = {"withheld_index": recorded.index, "witnesses_required": rule.witnesses}
            told = AuditEvent(EntryKind.ANSWER_WITHHELD, event.actor, public)
            self._writer.submit(told, no_effect)
            raise withheld(rule.witnesses)
        return self._receipted(recorded, size)

    def _attempted(self, recorded: Recorded[T]) -> Recorded[T]:
        """Wait for the witnesses that agree, and go on without them where they do not come."""
        cosigning = self._witnessing.cosigning
        agreeing = [s for s in cosigning.seen().values() if s.standing is Standing.AGREES]
        seconds = self._witnessing.rules.before_release.milliseconds_max / MILLISECONDS_PER_SECOND
        if agreeing:
            cosigning.wait_for(recorded.index, len(agreeing), seconds)
        with reading(self._witnessing.engine) as connection:
            size = best_cosigned_size(connection, recorded.index)
        return recorded if size is None else self._receipted(recorded, size)

    def _receipted(self, recorded: Recorded[T], size: int) -> Recorded[T]:
        with reading(self._witnessing.engine) as connection:
            return replace(recorded, receipt=cosigned_receipt(connection, recorded.index, size))


def open_witnessing(
    rules: WitnessRules,
    peers: tuple[Peer, ...],
    engine: Engine,
    log: GroupCommitWriter,
    clock: Clock,
    undo: ExitStack,
) -> Witnessing:
    """Compare the log with what the witnesses hold, and begin to bring them checkpoints.

    Raises Unavailable where a witness has seen more than this log or another one (a restored
    backup, a fork), or where the rules ask for more witnesses than there are.
    """
    if rules.witnesses_required > len(peers):
        raise Unavailable(
            "witnesses_unconfigured",
            Message(
                f"规则要求 {rules.witnesses_required} 个见证方，只配置了 {len(peers)} 个。",
                f"The rules ask for {rules.witnesses_required} witnesses; {len(peers)} are "
                "configured.",
            ),
            field="witnesses",
            rule=RULE,
        )
    seconds = rules.pace.request_milliseconds_max / MILLISECONDS_PER_SECOND
    outbound = Outbound((peer.url for peer in peers), seconds)
    tempo = Tempo(
        rules.pace.round_milliseconds_max / MILLISECONDS_PER_SECOND,
        rules.pace.idle_seconds_between,
        rules.before_release.waiting_max,
    )

    def send(url: str, body: bytes) -> Answer:
        try:
            received = outbound.post(url, body)
        except NotSent as error:
            raise Unreachable from error
        return Answer(received.status, received.body)

    cosigning = Cosigning(log, engine, peers, send, clock, tempo, told=_telling(log))
    undo.callback(cosigning.close)
    cosigning.round()
    contrary = cosigning.contrary()
    if contrary is not None:
        raise contradicted(contrary, cosigning.seen()[contrary.name])
    cosigning.start()
    return Witnessing(rules, cosigning, engine, clock)


def contradicted(peer: Peer, seen: Seen) -> Unavailable:
    """Say that a witness has seen a larger log than ours, or another one."""
    if seen.standing is Standing.AHEAD:
        code = "log_behind_witness"
        message = Message(
            f"见证方 {peer.name} 见证过更长的日志：本平台的日志被回退（例如从旧备份恢复）。",
            f"{peer.name} has witnessed a longer log: this platform's log was rolled back, "
            "such as by restoring an old backup.",
        )
    else:
        code = "log_contradicts_witness"
        message = Message(
            f"见证方 {peer.name} 见证过内容不同的日志：本平台的日志被改写或分叉。",
            f"{peer.name} has witnessed another log: this platform's log was rewritten or forked.",
        )
    return Unavailable(
        code,
        message,
        rule="c2sp.org/tlog-witness",
        way_out=Message(
            "请恢复与见证方记录一致的数据库，并请监管方用 sandgate witness status 核对。",
            "Restore the database that the witness has seen, and let the regulator look with "
            "`sandgate witness status`.",
        ),
    )


def withheld(witnesses: int) -> Unavailable:
    """Say that an answer waits for witnesses; its own entry tells the log."""
    refusal = Unavailable(
        "witnesses_missing",
        Message(
            f"答案已生成并保存，但尚未得到 {witnesses} 个见证方的见证，暂不给出。已扣减的不退还。",
            f"The answer was made and is kept, but {witnesses} witnesses have not cosigned it yet, "
            "so it is withheld. What was charged stays charged.",
        ),
        rule=RULE,
        way_out=_ASK_AGAIN,
    )
    refusal.logged = True
    return refusal


_ASK_AGAIN = Message(
    "见证恢复后请再次提出同样的问题：受保护数据的答案不再扣减预算。",
    "Ask the same question again once the witnesses are back: a private answer costs no more.",
)


def _telling(log: GroupCommitWriter) -> Callable[[Peer, Seen, Seen], None]:
    def told(peer: Peer, before: Seen, after: Seen) -> None:
        if after.standing in CONTRARY:
            kind = EntryKind.WITNESS_CONTRADICTED
        elif before.standing in CONTRARY:
            kind = EntryKind.WITNESS_AGREED
        else:
            return
        public = {"witness": peer.name, "standing": after.standing.value, "size": after.size}
        log.submit(AuditEvent(kind, SYSTEM_ACTOR, public), no_effect)

    return told


def _bad_file(line: int) -> InvalidInput:
    return InvalidInput(
        "witnesses_file_invalid",
        Message(
            f"见证方文件无效（第 {line} 行；0 表示整份文件）：每行应为 witness 名称 公钥 网址，"
            "同一网址的公钥须同名，不同网址不得同名或共用公钥。",
            f"The witnesses file is not valid (line {line}; 0: as a whole): a line reads `witness "
            "NAME VKEY URL`; keys of one address share their name, and no two addresses share a "
            "name or a key.",
        ),
        field="witnesses",
        rule="c2sp.org/tlog-policy",
    )
