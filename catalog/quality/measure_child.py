"""Run by path inside the confined measurer: the rows of one version or two in, figures out.

It inherits a socket and the open files, and nothing else. The order comes over the socket, one
JSON answer goes back; no text of a library ever does. It imports duckdb, pyarrow, the standard
library and the guest modules bound beside it.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

from catalog import columnar
from catalog.detectors import shapes
from catalog.quality import comparing, profiling, risk_counts, rule_counts
from catalog.quality.scanning import Scan

CHUNK_BYTES = 1 << 16
_LOOKED_AT = frozenset({"text", "integer"})


def answer(order: Mapping[str, Any], files: Sequence[BinaryIO]) -> dict[str, Any]:
    """Measure one file, or compare two, as the order says."""
    store = columnar.open_store(order["memory_bytes_max"], order["threads"])
    scans = [Scan(store, file, order["partition_values_max"]) for file in files]
    try:
        if order["task"] == "compare":
            return comparing.compare(store, scans[0], scans[1], order)
        return _measure(scans[0], order)
    finally:
        store.close()


def _measure(scan: Scan, order: Mapping[str, Any]) -> dict[str, Any]:
    columns = order["columns"]
    found = profiling.profile(scan, columns, order["profile"])
    types = {column["name"]: column["type"] for column in columns}
    return {
        "profile": found,
        "risk": risk_counts.risk(scan, order["risk"]),
        "observed": _observed(scan, columns, found["columns"], order["profile"]),
        "rules": rule_counts.judge(scan, order["rules"], types),
    }


def _observed(
    scan: Scan,
    columns: Sequence[Mapping[str, Any]],
    profiled: Mapping[str, Mapping[str, Any]],
    limits: Mapping[str, int],
) -> dict[str, dict[str, int]]:
    """Return what each column looks like; nearly unique values are a likeness of their own."""
    seen: dict[str, dict[str, int]] = {}
    for column in columns:
        name = column["name"]
        looks = {}
        if column["type"] in _LOOKED_AT:
            sample = scan.sample(name, limits["sample_rows_max"])
            looks = shapes.shares(None if value is None else str(value) for value in sample)
        present = scan.rows - profiled[name]["nulls"]
        if present > 1:
            looks["unique_values"] = profiled[name]["singles"] * shapes.PER_MILLE // present
        seen[name] = looks
    return seen


def main(socket_descriptor: int, file_descriptors: Sequence[int]) -> None:
    """Answer one order and end."""
    with socket.socket(fileno=socket_descriptor) as link:
        files = [os.fdopen(descriptor, "rb") for descriptor in file_descriptors]
        try:
            outcome = answer(json.loads(_everything(link)), files)
        except Exception:  # noqa: BLE001 - what a library says may hold data
            outcome = {"failed": True}
        link.sendall(json.dumps(outcome).encode())


def _everything(link: socket.socket) -> bytes:
    found = bytearray()
    while chunk := link.recv(CHUNK_BYTES):
        found += chunk
    return bytes(found)


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(argument) for argument in sys.argv[2:]])
