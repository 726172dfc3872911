"""The arithmetic of revenue, written a second time: exact splits and the digests of documents.

Deliberately not shared with ``foundation`` or ``revenue``: two independent evaluators must agree.
"""

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

MICRO_FEN = 1_000_000


def canonical(value: object) -> bytes:
    """Encode JSON as RFC 8785 does where there are no floats."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest_of(value: object) -> str:
    """Return ``sha256:`` and the digest of a value's canonical bytes."""
    return f"sha256:{hashlib.sha256(canonical(value)).hexdigest()}"


def split_exactly(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Split by largest remainder (Hamilton): floors first, what is left to the largest fractions.

    Ties go to the smaller name.
    """
    whole = sum(weights.values())
    if whole == 0:
        return dict.fromkeys(weights, 0)
    quotas = {name: Fraction(total * weight, whole) for name, weight in weights.items()}
    parts = {name: int(quota) for name, quota in quotas.items()}
    claims = sorted(
        (name for name in weights if weights[name]),
        key=lambda name: (parts[name] - quotas[name], name),
    )
    for name in claims[: total - sum(parts.values())]:
        parts[name] += 1
    return parts


def expected_rule_lines(
    rule: Mapping[str, Any], licence: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Recompute what one fetch moves, from the signed licence's scheme and the rule's tax line."""
    tax = [line for line in rule["lines"] if line["payee"] == "tax"]
    gross = rule["gross_micro_fen"]
    shares = licence["scheme"]["shares"]
    parts = split_exactly(
        gross - sum(line["micro_fen"] for line in tax),
        {share["payee"]: share["ppm"] for share in shares},
    )
    lines = [
        {"payee": share["payee"], "channel": share["channel"], "micro_fen": parts[share["payee"]]}
        for share in shares
    ]
    return sorted([*lines, *tax], key=lambda line: line["payee"])
