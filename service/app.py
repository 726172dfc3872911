"""The applications of one platform: API, session hosts, and the gateway.

The API answers on the platform's host, each session on its own, and the gateway only on a slot's
Unix socket.
"""

from collections.abc import Sequence

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp

from service import errors
from service.api import (
    budgets,
    case_files,
    cases,
    catalog,
    catalogue_batches,
    catalogue_entries,
    catalogue_exchange,
    catalogue_search,
    catalogue_subscriptions,
    catalogue_systems,
    corrections,
    decisions,
    delegations,
    demands,
    destruction,
    disclosure,
    disputes,
    distributions,
    figures,
    gateway,
    gateway_queries,
    gateway_releases,
    gateway_tables,
    hall,
    health,
    journals,
    licences,
    log,
    login,
    matters,
    moves,
    notices,
    organisations,
    packages,
    papers,
    periods,
    permitted,
    plan_classes,
    products,
    profiles,
    quality,
    receipts,
    regulator,
    release_desk,
    release_files,
    releases,
    resources,
    retention,
    reviews,
    role_grants,
    rules,
    schemes,
    service_accounts,
    session_status,
    sessions,
    settlement_files,
    sharing,
    standards,
    tariffs,
    verification,
    webhooks,
    zones,
)
from service.bootstrap import Platform
from service.idempotency import AnswerMemory
from service.openapi import document, refusals
from service.pages import account as account_pages
from service.pages import catalogue as catalogue_pages
from service.pages import catalogue_batches as catalogue_batch_pages
from service.pages import catalogue_imports, catalogue_moves
from service.pages import corrections as corrections_pages
from service.pages import demands as demands_pages
from service.pages import figures as figure_pages
from service.pages import hall as hall_pages
from service.pages import home as home_pages
from service.pages import licences as licence_pages
from service.pages import log as log_pages
from service.pages import login as login_pages
from service.pages import matters as matter_area_pages
from service.pages import notices as notice_pages
from service.pages import people as people_pages
from service.pages import quality as quality_pages
from service.pages import releases as release_pages
from service.pages import resources as resource_pages
from service.pages import security_reports as security_report_pages
from service.pages import sessions as session_pages
from service.pages import sharing as sharing_pages
from service.pages import standards as standard_pages
from service.pages import zones as zone_pages
from service.session_proxy import SessionHosts

PREFIX = "/api/v1"
ROUTERS: Sequence[tuple[str, APIRouter]] = (
    (PREFIX, health.router),
    (PREFIX, login.router),
    ("", login_pages.router),
    ("", home_pages.front),
    ("", home_pages.router),
    ("", people_pages.router),
    ("", matter_area_pages.router),
    ("", security_report_pages.router),
    ("", figure_pages.router),
    ("", figure_pages.map_pages),
    ("", notice_pages.router),
    ("", account_pages.router),
    ("", licence_pages.router),
    ("", session_pages.router),
    ("", release_pages.router),
    ("", log_pages.router),
    ("", corrections_pages.router),
    ("", sharing_pages.router),
    ("", sharing_pages.cases),
    ("", demands_pages.router),
    ("", hall_pages.router),
    ("", quality_pages.router),
    ("", resource_pages.router),
    ("", zone_pages.router),
    ("", standard_pages.router),
    ("", catalogue_pages.router),
    ("", catalogue_moves.router),
    ("", catalogue_moves.new),
    ("", catalogue_batch_pages.router),
    ("", catalogue_batch_pages.linkage),
    ("", catalogue_batch_pages.subjects),
    ("", catalogue_imports.router),
    (PREFIX, organisations.router),
    (PREFIX, role_grants.router),
    (PREFIX, service_accounts.router),
    (PREFIX, catalog.router),
    (PREFIX, catalog.uploads),
    (PREFIX, resources.router),
    (PREFIX, zones.router),
    (PREFIX, standards.router),
    (PREFIX, catalogue_entries.router),
    (PREFIX, catalogue_exchange.router),
    (PREFIX, catalogue_exchange.uploads),
    (PREFIX, catalogue_systems.router),
    (PREFIX, catalogue_search.router),
    (PREFIX, catalogue_search.feed),
    (PREFIX, catalogue_batches.router),
    (PREFIX, catalogue_subscriptions.router),
    (PREFIX, profiles.router),
    (PREFIX, quality.router),
    (PREFIX, corrections.router),
    (PREFIX, sharing.router),
    (PREFIX, sharing.data),
    (PREFIX, sharing.figures),
    (PREFIX, hall.router),
    (PREFIX, demands.router),
    (PREFIX, demands.duties),
    (PREFIX, case_files.router),
    (PREFIX, case_files.promotions),
    (PREFIX, licences.router),
    (PREFIX, delegations.router),
    (PREFIX, decisions.router),
    (PREFIX, sessions.router),
    (PREFIX, reviews.router),
    (PREFIX, reviews.runs),
    ("", sessions.pages),
    ("", session_status.pages),
    (PREFIX, journals.router),
    (PREFIX, moves.router),
    (PREFIX, receipts.router),
    (PREFIX, distributions.router),
    (PREFIX, disputes.router),
    (PREFIX, settlement_files.router),
    (PREFIX, disclosure.router),
    (PREFIX, releases.router),
    (PREFIX, release_desk.router),
    (PREFIX, destruction.router),
    (PREFIX, packages.router),
    (PREFIX, matters.router),
    (PREFIX, figures.router),
    (PREFIX, notices.router),
    (PREFIX, webhooks.router),
    (PREFIX, rules.router),
    (PREFIX, products.router),
    (PREFIX, tariffs.router),
    (PREFIX, schemes.router),
    (PREFIX, permitted.router),
    (PREFIX, periods.router),
    (PREFIX, papers.router),
    (PREFIX, papers.vouchers),
    (PREFIX, budgets.router),
    (PREFIX, plan_classes.router),
    (PREFIX, log.router),
    (PREFIX, regulator.own),
    (PREFIX, regulator.router),
    (PREFIX, regulator.rules),
    (PREFIX, cases.router),
    (PREFIX, cases.reading_room),
    (PREFIX, retention.router),
    (PREFIX, verification.router),
)
"""Every way in over HTTP with its prefix, in the order in which the API's page lists them."""

IN_SESSION: Sequence[APIRouter] = (
    gateway.router,
    gateway_queries.router,
    session_status.router,
    gateway_releases.router,
    gateway_tables.router,
    release_files.router,
    packages.in_session,
    verification.claims,
)
"""Every way in for code inside a session."""


def create_api(platform: Platform) -> FastAPI:
    """Build the HTTP API."""
    app = FastAPI(
        title="Sandgate 沙闸",
        version="1",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=refusals(),
    )
    document(app, ROUTERS)
    app.state.platform = platform
    app.state.answers = AnswerMemory()
    platform.board.listen(app.state.answers.forget)
    for prefix, router in ROUTERS:
        app.include_router(router, prefix=prefix)
    errors.install(app)
    return app


def create_gateway(platform: Platform) -> FastAPI:
    """Build the gateway: what code inside a session may ask, and nothing else."""
    app = FastAPI(title="Sandgate gateway", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.platform = platform
    for router in IN_SESSION:
        app.include_router(router)
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
