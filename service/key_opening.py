"""Where this platform's keys are: with the key holder, or in its own process on a small machine.

``serve`` starts a holder of its own; production needs one. What only development has (the built-in
issuer's key and an authority's key) stays apart from the holder, in ``keys/``.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from audit.keyholder.client import HolderOptions, RemoteKeyStore, connect_holder, start_holder
from audit.keyholder.log_head import Mark
from audit.log_signers import LOG_KEY_SM2, SM2_WITH_SM3, LogSigner, log_signer
from audit.notes import BadNote, parse_verifier_key
from audit.reading import read_entries
from audit.rotations import stated_rotation
from audit.sm_log import SmLog
from audit.tags import EntryKind
from authorization.signing import AUTHORITY_KEY, AuthorityKeys
from foundation.db import reading
from foundation.errors import InvalidInput, Message, Unavailable
from foundation.keys import CIPHERS, FileKeyStore, FileSigners, KeyStore, Signers
from foundation.settings import Mode, Settings
from service.tokens import ISSUER_KEY

EMBEDDED, PROCESS = "embedded", "process"
KEYS, HOLDER, HEAD, SM_LOG = "keys", "holder", "head/head", "sm-log"
OF_DEVELOPMENT = frozenset({AUTHORITY_KEY, ISSUER_KEY})


@dataclass(frozen=True)
class OpenedKeys:
    """The key store in use, what signs the log, and the keys that only development has."""

    store: KeyStore
    signer: LogSigner
    development: FileKeyStore
    holder: RemoteKeyStore | None = None

    def close(self) -> None:
        """Leave the key holder; one that was started here ends."""
        if self.holder is not None:
            self.holder.close()


def open_keys(settings: Settings) -> OpenedKeys:
    """Open the keys, or refuse to. Raises Unavailable in production without a key holder."""
    holding = settings.key_holder or (PROCESS if (settings.home / HOLDER).exists() else EMBEDDED)
    if settings.mode is Mode.PRODUCTION and holding == EMBEDDED:
        raise _holder_required()
    cipher = CIPHERS[settings.data_cipher]
    development = FileKeyStore(settings.home / KEYS, cipher=cipher)
    if holding == EMBEDDED:
        store = FileKeyStore(settings.home / KEYS, cipher=cipher, signers=_signers(settings))
        signer = log_signer(store, settings.log_origin, sm2=settings.sm_profile)
        return OpenedKeys(store, signer, development)
    if holding == PROCESS:
        _move_to_holder(settings.home)
        holder = start_holder(_options(settings))
    else:
        holder = connect_holder(Path(holding))
    head = settings.home / HEAD
    holder.adopt(head.read_text(encoding="utf-8") if head.exists() else "")
    return OpenedKeys(holder, log_signer(holder, settings.log_origin), development, holder)


def authority_of(settings: Settings, opened: OpenedKeys, engine: Engine) -> AuthorityKeys:
    """Return the authority's keys: the one given from outside and those it stated since.

    Without one given, development holds a key for it. Raises Unavailable in production.
    """
    own = {
        bytes.fromhex(record.public_key): record.name
        for store in (opened.store, opened.development)
        for record in store.inventory()
        if record.public_key
    }
    if settings.authority_key:
        given = _given_key(settings.authority_key)
        with reading(engine) as connection:
            chain = _chain(given, connection)
        return AuthorityKeys(chain, held=False, of_platform=own)
    if settings.mode is Mode.PRODUCTION:
        raise _authority_required()
    return AuthorityKeys((opened.development.ensure_signing_key(AUTHORITY_KEY),), held=True)


def sm_log_of(settings: Settings, opened: OpenedKeys) -> SmLog | None:
    """Return the SM3 log of this home, where the Chinese profile is on."""
    keys = [key for key in opened.signer.verifier_keys if key.kind is SM2_WITH_SM3]
    if not keys:
        return None
    holder, store = opened.holder, opened.store

    def sign(text: str, base: Mark, proof: Sequence[bytes]) -> bytes:
        if holder is not None:
            return holder.sign_sm_checkpoint(text, base, proof)
        if not isinstance(store, FileKeyStore):
            raise _holder_required()
        return store.sign_sm2(LOG_KEY_SM2, text.encode())

    return SmLog(settings.home / SM_LOG, settings.log_origin, keys[0].public_key, sign)


def sm_log_files(settings: Settings, opened: OpenedKeys, engine: Engine) -> dict[str, bytes]:
    """Bring the SM3 log up to the log, and return it as it lies in a bundle; empty without one."""
    found = sm_log_of(settings, opened)
    if found is None:
        return {}
    with reading(engine) as connection:
        found.extend(connection)
    return dict(found.files())


def _given_key(text: str) -> bytes:
    """Read ``name+hash+key``, or a file that holds it."""
    try:
        place = Path(text)
        written = text if text.count("+") > 1 else place.read_text(encoding="utf-8")
        return parse_verifier_key(written).public_key
    except (BadNote, OSError, ValueError) as error:
        raise InvalidInput(
            "authority_key_invalid",
            Message(
                "主管部门公钥（SANDGATE_AUTHORITY_KEY）无法读取。",
                "The authority's public key (SANDGATE_AUTHORITY_KEY) cannot be read.",
            ),
            field="authority_key",
        ) from error


def _chain(given: bytes, connection: Connection) -> tuple[bytes, ...]:
    """Follow the authority's own statements in the log, from the key given outside."""
    chain = [given]
    for entry in read_entries(connection, kinds=(EntryKind.KEY_ROTATED,)):
        stated = stated_rotation(entry.kind, entry.public)
        if stated is None or stated.role != AUTHORITY_KEY:
            continue
        if stated.earlier_key == chain[-1]:
            chain.append(stated.public_key)
    return tuple(chain)


def _options(settings: Settings) -> HolderOptions:
    return HolderOptions(
        directory=(settings.home / HOLDER).absolute(),
        origin=settings.log_origin,
        cipher=settings.data_cipher,
        sm2=settings.sm_profile,
        pkcs11_module=settings.pkcs11_module,
        pkcs11_token=settings.pkcs11_token,
        pkcs11_pin_file=settings.pkcs11_pin_file,
    )


def _signers(settings: Settings) -> Signers:
    if settings.pkcs11_module is None or settings.pkcs11_pin_file is None:
        return FileSigners(settings.home / KEYS)
    from foundation.keys.pkcs11 import Pkcs11Signers  # noqa: PLC0415 - only where a token is used

    pin = settings.pkcs11_pin_file.read_text(encoding="utf-8").strip()
    return Pkcs11Signers(settings.pkcs11_module, settings.pkcs11_token, pin)


def _move_to_holder(home: Path) -> None:
    """Hand over keys that this home kept without a holder, once; development's own stay."""
    source, target = home / KEYS, home / HOLDER / KEYS
    if (home / HOLDER).exists() or not source.exists():
        return
    target.mkdir(mode=0o700, parents=True)
    for path in sorted(source.iterdir()):
        if path.name not in OF_DEVELOPMENT:
            os.replace(path, target / path.name)  # noqa: PTH105 - one file system, at once


def _holder_required() -> Unavailable:
    return Unavailable(
        "key_holder_required",
        Message(
            "生产模式必须由独立的密钥保管进程保管密钥。",
            "Production needs a key holder: a process of its own that has the keys.",
        ),
        field="key_holder",
        rule="I10",
        way_out=Message(
            "请设置 SANDGATE_KEY_HOLDER=process 或密钥保管进程的套接字路径。",
            "Set SANDGATE_KEY_HOLDER=process, or the path of the key holder's socket.",
        ),
    )


def _authority_required() -> Unavailable:
    return Unavailable(
        "authority_key_required",
        Message(
            "生产模式不得代主管部门保管签名密钥；请提供主管部门的公钥。",
            "Production holds no key for the authority; give the authority's public key.",
        ),
        field="authority_key",
        rule="I10",
        way_out=Message(
            "由主管部门执行 sandgate licence keygen，并将公钥写入 SANDGATE_AUTHORITY_KEY。",
            "Have the authority run `sandgate licence keygen`; set SANDGATE_AUTHORITY_KEY.",
        ),
    )
