"""Whether the service is up; nothing about data or people."""

from fastapi import APIRouter

from service.api.callers import OnPlatform

router = APIRouter(tags=["health"])


@router.get("/health")
def get_health(platform: OnPlatform) -> dict[str, object]:
    """Answer once the platform is built; name its mode and policy pack."""
    trouble = platform.slots.pool.report().trouble
    return {
        "status": "ok",
        "mode": platform.settings.mode.value,
        "policy_digest": platform.pack.digest,
        "log_contradicted": platform.witnessing.cosigning.contrary() is not None,
        "warm_sessions_trouble": None if trouble is None else {"zh": trouble.zh, "en": trouble.en},
    }
