"""What stands beside the log in an evidence bundle: rule files, signed licences, the ledger."""

from collections.abc import Iterable

from sqlalchemy import Engine

from authorization.licences import LicenceState, licences_in
from foundation.canonical import canonical_bytes
from foundation.db import reading
from foundation.keys import KeyRecord
from foundation.keys.signers import ED25519
from policies.load import PolicyPack
from revenue.export import export_ledger


def evidence_files(
    engine: Engine, pack: PolicyPack, keys: Iterable[KeyRecord] = ()
) -> dict[str, bytes]:
    """Return path to bytes of everything that explains and accounts for the log.

    Of ``keys`` the public halves are named, so that a licence signed by one of them is recognised.
    """
    with reading(engine) as connection:
        licences = licences_in(connection, tuple(LicenceState))
        files = dict(export_ledger(connection))
    files["licences.jsonl"] = b"".join(licence.document + b"\n" for licence in licences)
    files["licence-signatures.jsonl"] = b"".join(
        canonical_bytes(
            {"licence": licence.id, "digest": licence.digest, "signature": licence.signature.hex()}
        )
        + b"\n"
        for licence in licences
        if licence.signature is not None
    )
    public = {key.public_key: key.name for key in keys if key.kind == ED25519}
    files["platform-keys.json"] = canonical_bytes(public)
    for path, data in pack.sources.items():
        files[f"policies/{path}"] = data
    return files
