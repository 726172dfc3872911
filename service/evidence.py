"""What stands beside the log in an evidence bundle: rule files, signed licences, the ledger."""

from sqlalchemy import Engine

from authorization.licences import LicenceState, licences_in
from foundation.canonical import canonical_bytes
from foundation.db import reading
from policies.load import PolicyPack
from revenue.export import export_ledger


def evidence_files(engine: Engine, pack: PolicyPack) -> dict[str, bytes]:
    """Return path to bytes of everything that explains and accounts for the log."""
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
    for path, data in pack.sources.items():
        files[f"policies/{path}"] = data
    return files
