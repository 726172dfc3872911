"""What was delivered: the newest release of a licence, its product; certificates; its grounds."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from disclosure.answers import asked_of_answer
from disclosure.release.requests import Request, require_request
from disclosure.release.states import ReleaseState
from disclosure.release.store import release_content, release_request
from disclosure.store import answer
from foundation.canonical import digest
from foundation.errors import Conflict, Message, NotFound

FIRST_DAY = (1980, 1, 1, 0, 0, 0)
MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "png": "image/png",
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "zip": "application/zip",
}


@dataclass(frozen=True)
class DeliveredFile:
    """One file as it was delivered."""

    name: str
    format: str
    sha256: str
    content: bytes


@dataclass(frozen=True)
class Delivered:
    """A release as it left: the product of its licence."""

    id: str
    sha256: str
    files: tuple[DeliveredFile, ...]
    certificate: str


@dataclass(frozen=True)
class RestsOn:
    """What a release rests on: the question that it answers, and columns by data set."""

    asked: str
    sources: Mapping[str, tuple[str, ...]]


def delivered_product(connection: Connection, licence: str) -> Delivered:
    """Return the newest delivered release of a licence: its product.

    Raises NotFound where nothing was ever delivered, and Conflict where all of it was recalled.
    """
    row = _newest(connection, licence, ReleaseState.DELIVERED)
    if row is None:
        row = _newest(connection, licence, ReleaseState.RECALLED)
    if row is None:
        raise NotFound(
            "product_not_released",
            Message("该授权还没有已放行的产品。", "Nothing was released under this licence yet."),
            field="licence",
        )
    return delivered(connection, require_request(connection, row))


def _newest(connection: Connection, licence: str, state: ReleaseState) -> str | None:
    """Return the release of a licence that was delivered last, of those in a state."""
    found: str | None = connection.execute(
        select(release_request.c.id)
        .where(release_request.c.licence == licence, release_request.c.state == state.value)
        .order_by(release_request.c.delivered_us.desc())
        .limit(1)
    ).scalar()
    return found


def delivered(connection: Connection, request: Request) -> Delivered:
    """Return a release as it left. Raises Conflict before delivery and after a recall."""
    check_delivered(request)
    return Delivered(
        request.id, request.sha256, files_of(connection, request.id), request.certificate
    )


def files_of(connection: Connection, request_id: str) -> tuple[DeliveredFile, ...]:
    """Return the files that were delivered, in their order."""
    table = release_content.c
    query = select(release_content).where(table.request == request_id).order_by(table.position)
    return tuple(
        DeliveredFile(row.name, row.format, row.content_digest, bytes(row.content))
        for row in connection.execute(query)
    )


def check_delivered(request: Request) -> None:
    """Raise Conflict where nothing left, or what left was recalled."""
    if request.state is ReleaseState.RECALLED:
        raise Conflict(
            "release_recalled",
            Message(
                "该结果已被召回，不再提供；请停止使用并删除已有副本。",
                "This release was recalled; stop using it and delete what you hold of it.",
            ),
            field="release",
            rule="recall",
        )
    if request.state is not ReleaseState.DELIVERED:
        raise Conflict(
            "release_not_delivered",
            Message(
                "该申请尚未放行，没有证书。",
                "This request was not delivered; it has no certificate.",
            ),
            field="state",
        )


def certificate_of(connection: Connection, request_id: str) -> dict[str, object]:
    """Return the certificate of a delivered release. Raises Conflict before delivery."""
    request = require_request(connection, request_id)
    check_delivered(request)
    certificate: dict[str, object] = json.loads(request.certificate)
    return certificate


def packed(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return several files as one zip of stored members; equal files give equal bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, FIRST_DAY), content)
    return out.getvalue()


def rests_on(connection: Connection, request_id: str) -> RestsOn:
    """Return what the delivered revision of a release rests on."""
    files = require_request(connection, request_id).files
    sources: dict[str, set[str]] = {}
    for made in files:
        for name, columns in made.sources.items():
            sources.setdefault(name, set()).update(columns)
    asked = sorted({made.asked for made in files})
    named = asked[0] if len(asked) == 1 else digest({"asked": asked})
    return RestsOn(named, {name: tuple(sorted(sources[name])) for name in sorted(sources)})


def grounds_of(connection: Connection, product: str) -> RestsOn | None:
    """Return what a release, or a stored answer, rests on; None for anything else."""
    known = select(release_request.c.id).where(release_request.c.id == product)
    if connection.execute(known).first() is not None:
        return rests_on(connection, product)
    if connection.execute(select(answer.c.id).where(answer.c.id == product)).first() is None:
        return None
    asked = asked_of_answer(connection, product)
    return RestsOn(asked.asked, asked.sources)
