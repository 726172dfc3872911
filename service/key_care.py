"""Turning keys over while the platform stands still, each time by an entry that both keys sign.

The log's key signs its own end: the batch that states its successor carries both signatures. Data
keys are wrapped anew under a new key; the authority's successor is stated by the authority itself.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from audit.events import AuditEvent, Recorded, no_effect
from audit.log_signers import LOG_KEY, log_signer
from audit.rotations import rotation_statement, stated_rotation
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization.signing import AUTHORITY_KEY
from foundation.clock import SystemClock
from foundation.db import open_engine
from foundation.errors import Denied, Message
from foundation.identity import SYSTEM_ACTOR
from foundation.keys import CIPHERS, FileKeyStore
from foundation.settings import Settings
from policies.load import load_policies
from service.key_opening import OpenedKeys, authority_of, open_keys
from service.migrate import upgrade
from service.retention import classes_of


@dataclass(frozen=True)
class Rotated:
    """A key that was turned over: the entry that says so, and the new key for verifiers."""

    index: int
    receipt: str
    statement: Mapping[str, str]


def rotate_log_key(settings: Settings) -> Rotated:
    """Make the log's next key, log the statement under both, and sign with the next from then on.

    A call that was cut short is finished by the next one: the same successor is stated again.
    """
    with opened_keys(settings) as opened:
        statement = _begin(opened, settings)
        with _writing(settings, opened) as writer:
            recorded = _record(writer, EntryKind.KEY_ROTATED, statement)
            if opened.holder is not None:
                opened.holder.finish_rotation(recorded.citation)
            elif isinstance(opened.store, FileKeyStore):
                opened.store.turn_over(LOG_KEY)
        return Rotated(recorded.index, recorded.receipt, statement)


def rewrap_data_keys(settings: Settings) -> tuple[int, int]:
    """Wrap every data key under a new key, of the cipher that is set; return version and count."""
    with opened_keys(settings) as opened, _writing(settings, opened) as writer:
        keeper = opened.holder or opened.store
        if not hasattr(keeper, "rewrap"):
            raise _not_turned()
        version, count = keeper.rewrap()
        public = {"wrapping_version": version, "keys": count, "cipher": settings.data_cipher}
        _record(writer, EntryKind.KEYS_REWRAPPED, public)
        return version, count


def accept_authority_key(settings: Settings, statement: Mapping[str, str]) -> int:
    """Log the authority's own statement of its next key; return the entry's index.

    Raises Denied unless both keys signed it and it begins at the authority's present key.
    """
    stated = stated_rotation(EntryKind.KEY_ROTATED, statement)
    with opened_keys(settings) as opened:
        engine = open_engine(settings.control_store_url)
        present = authority_of(settings, opened, engine).current
        engine.dispose()
        if stated is None or stated.role != AUTHORITY_KEY or stated.earlier_key != present:
            raise _not_turned()
        with _writing(settings, opened) as writer:
            return _record(writer, EntryKind.KEY_ROTATED, dict(statement)).index


@contextmanager
def opened_keys(settings: Settings) -> Iterator[OpenedKeys]:
    """Open the keys of a platform that stands still."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = open_keys(settings)
    try:
        yield opened
    finally:
        opened.close()


def _begin(opened: OpenedKeys, settings: Settings) -> dict[str, str]:
    if opened.holder is not None:
        return opened.holder.begin_rotation()
    if isinstance(opened.store, FileKeyStore):
        return rotation_statement(opened.store, LOG_KEY, settings.log_origin)
    raise _not_turned()


@contextmanager
def _writing(settings: Settings, opened: OpenedKeys) -> Iterator[GroupCommitWriter]:
    """Open the log for a moment. Raises Unavailable while a service writes it."""
    with ExitStack() as undo:
        engine = open_engine(settings.control_store_url)
        undo.callback(engine.dispose)
        upgrade(engine)
        signer = log_signer(opened.store, settings.log_origin, sm2=settings.sm_profile)
        pack = load_policies(settings.policies)
        writer = GroupCommitWriter(
            engine,
            opened.store,
            SystemClock(),
            settings.log_origin,
            settings.home / "head" / "head",
            signer=signer,
            class_of_field=classes_of(pack).name_of_field,
            cipher=CIPHERS[settings.data_cipher],
        )
        undo.callback(writer.close)
        yield writer


def _record(
    writer: GroupCommitWriter, kind: EntryKind, public: Mapping[str, object]
) -> Recorded[None]:
    return writer.submit(AuditEvent(kind, SYSTEM_ACTOR, public), no_effect)


def _not_turned() -> Denied:
    return Denied(
        "key_not_turned_over",
        Message(
            "该密钥轮换声明没有前后两把密钥的有效签名，或不是从现行密钥开始，不予接受。",
            "The statement is not signed by both keys, or does not begin at the present key.",
        ),
        rule="key-rotation",
        way_out=Message(
            "请由密钥所有者用 sandgate licence rotate 重新声明。",
            "Have the key's owner state it again with `sandgate licence rotate`.",
        ),
    )
