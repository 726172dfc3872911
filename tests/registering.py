"""Registering people over the API as two people do it: one proposes, another confirms."""

import hashlib
from typing import Any

import httpx

API = "/api/v1"
_WEIGHTS = tuple(2**power % 11 for power in range(17, 0, -1))  # GB 11643-1999, MOD 11-2


def resident_id(name: str) -> str:
    """Return a number of good form for a made-up person, the same for the same name."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    day, rest = number % 28 + 1, number // 28
    month, rest = rest % 12 + 1, rest // 12
    year, rest = 1950 + rest % 50, rest // 50
    body = f"110105{year}{month:02}{day:02}{rest % 1000:03}"
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, body, strict=True))
    return body + "10X98765432"[total % 11]


def identity(name: str) -> dict[str, str]:
    """Return the identity document of a made-up person, as a request's field."""
    return {"kind": "resident_id", "number": resident_id(name)}


def proposed(client: httpx.Client, change: dict[str, Any], of: str = "") -> httpx.Response:
    """Propose a change; ``of`` names whose identity document goes with it."""
    body = {"change": change, **({"identity": identity(of)} if of else {})}
    return client.post(f"{API}/role-grants", json=body)


def enrol(proposer: httpx.Client, confirmer: httpx.Client, person: dict[str, Any]) -> None:
    """Register a person: proposed by one, confirmed by the other."""
    change(proposer, confirmer, {"kind": "person", "person": person}, of=person["id"])


def change(
    proposer: httpx.Client, confirmer: httpx.Client, wanted: dict[str, Any], of: str = ""
) -> dict[str, Any]:
    """Bring a change into force by two people; return what the second was answered."""
    first = proposed(proposer, wanted, of)
    assert first.status_code == 201, first.text
    second = confirmer.post(f"{API}/role-grants/{first.json()['id']}/confirm")
    assert second.status_code == 201, second.text
    found: dict[str, Any] = second.json()
    return found
