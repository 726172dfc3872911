"""What was delivered: the newest release of a licence, its product; and certificates."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from disclosure.release.requests import require_request
from disclosure.release.states import ReleaseState
from disclosure.store import answer, release_request
from foundation.errors import Conflict, Message, NotFound


@dataclass(frozen=True)
class Delivered:
    """A release as it left: the product of its licence."""

    id: str
    sha256: str
    content: bytes
    certificate: str
    answer: str


def delivered_product(connection: Connection, licence: str) -> Delivered:
    """Return the newest delivered release of a licence: its product. Raises NotFound."""
    row = connection.execute(
        select(release_request)
        .where(
            release_request.c.licence == licence,
            release_request.c.state == ReleaseState.DELIVERED.value,
        )
        .order_by(release_request.c.delivered_us.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise NotFound(
            "product_not_released",
            Message("该授权还没有已放行的产品。", "Nothing was released under this licence yet."),
            field="licence",
        )
    return Delivered(row.id, row.content_digest, bytes(row.content), row.certificate, row.answer)


def certificate_of(connection: Connection, request_id: str) -> dict[str, object]:
    """Return the certificate of a delivered release. Raises Conflict before delivery."""
    request = require_request(connection, request_id)
    if request.state is not ReleaseState.DELIVERED:
        raise Conflict(
            "release_not_delivered",
            Message(
                "该申请尚未放行，没有证书。",
                "This request was not delivered; it has no certificate.",
            ),
            field="state",
        )
    certificate: dict[str, object] = json.loads(request.certificate)
    return certificate


def answer_behind(connection: Connection, product: str) -> str | None:
    """Return the stored answer behind a release, or the answer itself; None for anything else."""
    released = select(release_request.c.answer).where(release_request.c.id == product)
    found = connection.execute(released).scalar()
    if found is None:
        found = connection.execute(select(answer.c.id).where(answer.c.id == product)).scalar()
    return None if found is None else str(found)
