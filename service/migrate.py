"""Brings the control store to the newest revision at start; one from the future is refused."""

import importlib
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Engine

from foundation.errors import Message, Unavailable

STORES = (
    "audit.store",
    "audit.cases.store",
    "audit.retention.store",
    "authorization.store",
    "authorization.policy_version",
    "authorization.authority_tree",
    "authorization.delegations",
    "catalog.book.store",
    "authorization.sharing.store",
    "authorization.sharing.demand_store",
    "authorization.hall.store",
    "catalog.quality.store",
    "catalog.exchange.store",
    "catalog.store",
    "catalog.zones.store",
    "catalog.resources.store",
    "catalog.standards.store",
    "catalog.matters.store",
    "catalog.notices.outbox",
    "disclosure.store",
    "disclosure.release.store",
    "disclosure.release.contents.store",
    "disclosure.release.tables.store",
    "disclosure.budgets.store",
    "disclosure.extract_records",
    "disclosure.plan_classes",
    "disclosure.history.store",
    "disclosure.twins.store",
    "disclosure.verify.store",
    "revenue.store",
    "revenue.schemes.store",
    "revenue.pool_store",
    "revenue.closing_store",
    "revenue.usage_store",
    "revenue.permitted.store",
    "revenue.flow.store",
    "sandbox.screen_store",
    "sandbox.store",
    "sandbox.review_store",
    "sandbox.homes.store",
    "sandbox.package_store",
    "service.idempotency",
    "service.login.store",
    "service.regulator.alert_store",
)
MIGRATIONS = Path(__file__).parent / "migrations"


def import_stores() -> None:
    """Import every module that declares tables, so that the metadata is whole."""
    for store in STORES:
        importlib.import_module(store)


def upgrade(engine: Engine) -> None:
    """Run the revisions this store has not seen. Raises Unavailable for one from the future."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except CommandError as error:
        raise Unavailable(
            "store_unknown_revision",
            Message(
                "控制库由更新版本的平台写成，本版本不能打开。请升级平台。",
                "The control store was written by a newer version; upgrade this service.",
            ),
        ) from error
