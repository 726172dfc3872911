"""Products: what a data enterprise fetches with its own token; each fetch is logged and metered."""

from base64 import urlsafe_b64encode

from fastapi import APIRouter
from fastapi.responses import Response

from disclosure.release.delivered import MEDIA_TYPES, packed
from foundation.canonical import canonical_bytes
from service.api.callers import DeveloperCaller, OnPlatform
from service.idempotency import IdempotentRoute

router = APIRouter(prefix="/products", route_class=IdempotentRoute, tags=["products"])


@router.post("/{licence_id}/fetches", status_code=201)
def post_fetch(licence_id: str, actor: DeveloperCaller, platform: OnPlatform) -> Response:
    """Fetch the product of a licence. Send an Idempotency-Key: a repeat is not billed again."""
    fetched = platform.shop.fetch(actor, licence_id)
    headers = {
        "X-Audit-Index": str(fetched.index),
        "X-Content-Digest": fetched.delivered.sha256,
        "X-Copy": fetched.copy.id,
        "X-Copy-Certificate": urlsafe_b64encode(canonical_bytes(fetched.certificate)).decode(),
        "X-Gross-Micro-Fen": str(fetched.gross_micro_fen),
    }
    files = fetched.copy.files
    if len(files) == 1:
        content, media_type = files[0].content, MEDIA_TYPES[files[0].format]
    else:
        content = packed([(file.name, file.content) for file in files])
        media_type = MEDIA_TYPES["zip"]
    return Response(content, status_code=201, media_type=media_type, headers=headers)
