"""The applications of one platform: API, session hosts, and the gateway.

The API answers on the platform's host, each session on its own, and the gateway only on a slot's
Unix socket.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp

from service import errors
from service.api import (
    budgets,
    catalog,
    decisions,
    delegations,
    gateway,
    health,
    journals,
    licences,
    log,
    organisations,
    periods,
    plan_classes,
    products,
    releases,
    sessions,
    verification,
)
from service.bootstrap import Platform
from service.idempotency import AnswerMemory
from service.session_proxy import SessionHosts

PREFIX = "/api/v1"


def create_api(platform: Platform) -> FastAPI:
    """Build the HTTP API."""
    app = FastAPI(
        title="Sandgate 沙闸",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.platform = platform
    app.state.answers = AnswerMemory()
    platform.board.listen(app.state.answers.forget)
    everyday = (catalog, health, journals, licences, log, organisations, periods, products)
    newer = (delegations, decisions, budgets, plan_classes, releases, verification)
    for module in (*everyday, *newer):
        app.include_router(module.router, prefix=PREFIX)
    app.include_router(catalog.uploads, prefix=PREFIX)
    app.include_router(sessions.router, prefix=PREFIX)
    app.include_router(sessions.pages)
    errors.install(app)
    return app


def create_gateway(platform: Platform) -> FastAPI:
    """Build the gateway: what code inside a session may ask, and nothing else."""
    app = FastAPI(title="Sandgate gateway", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.platform = platform
    app.include_router(gateway.router)
    app.include_router(verification.claims)
    errors.install(app)
    return app


def create_app(platform: Platform) -> ASGIApp:
    """Join API and session hosts, and open the gateway's sockets."""
    platform.doors.connect(
        create_gateway(platform),
        platform.sessions.freeze_slot,
        lambda slot: platform.sessions.touch(slot, platform.clock.now_us()),
    )
    return SessionHosts(create_api(platform), platform.proxy)
