"""Production does not start where the service could sign as its own witness (I10).

Checked is what can be checked from here: that no secret in the service's home belongs to a witness,
that a witness living on this host is closed to the service's account, and that no witness signs
with the log's key. That two parties are one person under two names nobody can see from here.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from audit.cosigning import Peer
from audit.notes import VerifierKey
from audit.witness.keys import SEED_BYTES, public_keys_of
from foundation.errors import Message, Unavailable
from foundation.settings import Mode, Settings

FILES_MAX = 100_000


def check_witness_secrets(settings: Settings, peers: Sequence[Peer], log_key: VerifierKey) -> None:
    """Raise Unavailable where a witness is no third party as far as can be seen."""
    public_keys = {key.public_key for peer in peers for key in peer.keys}
    if log_key.public_key in public_keys:
        raise _refused(
            "witness_key_is_log_key",
            "见证方公钥与日志公钥相同，不是第三方。",
            "A witness has the log's own key: that is no third party.",
        )
    if settings.mode is not Mode.PRODUCTION:
        return
    if settings.witness_home is not None and _readable(settings.witness_home):
        raise _refused(
            "witness_key_readable",
            "本服务的账号可以读取见证方目录。",
            "The account of this service can read the witness's directory.",
        )
    if any(public_keys & set(public_keys_of(seed)) for seed in _seeds(settings.home)):
        raise _refused(
            "witness_key_readable",
            "本服务的状态目录中有见证方的私钥。",
            "A witness's private key lies in this service's home.",
        )


def _readable(directory: Path) -> bool:
    if os.access(directory, os.R_OK) or os.access(directory, os.X_OK):
        return True
    return any(os.access(directory / name, os.R_OK) for name in ("keys", "memory.db"))


def _seeds(home: Path) -> Iterator[bytes]:
    """Read every file of the home that has the size of a witness's secret."""
    for count, path in enumerate(home.rglob("*")):
        if count >= FILES_MAX:
            return
        if path.is_file() and not path.is_symlink() and path.stat().st_size == SEED_BYTES:
            yield path.read_bytes()


def _refused(code: str, zh: str, en: str) -> Unavailable:
    return Unavailable(
        code,
        Message(zh, en),
        field="witness_home",
        rule="I10",
        way_out=Message(
            "请由监管方在自己的主机或账号下运行见证方，并收回本服务的读取权限。",
            "Let the regulator run the witness on its own host or account, closed to this service.",
        ),
    )
