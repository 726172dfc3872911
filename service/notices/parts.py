"""Joins what keeps matters moving and brings notices, from the settings and the rules."""

from dataclasses import dataclass

from sqlalchemy import Engine

from audit.events import Writer
from catalog.matters.announcing import Announcer
from catalog.matters.chasing import Chase
from catalog.matters.clocks import Clocks
from foundation.clock import Clock
from foundation.keys import KeyStore
from foundation.settings import Settings
from policies.effective import every_jurisdiction
from policies.load import PolicyPack
from policies.schema.notices import NoticeRules
from service.notices.delivery import NoticeDelivery
from service.notices.webhooks import Webhooks
from service.outbound_callers import CallerOutbound
from service.outbound_mail import MailServer


@dataclass(frozen=True)
class NoticeParts:
    """What the upkeep runs and the endpoints ask."""

    chase: Chase
    announcer: Announcer
    webhooks: Webhooks
    delivery: NoticeDelivery

    def run_once(self) -> None:
        """Take every step of matters that is due, then bring what is to be told."""
        self.chase.run_once()
        self.announcer.run_once()
        self.delivery.run_once()

    def close(self) -> None:
        """End what is being sent."""
        self.delivery.close()


def notice_parts(
    settings: Settings,
    engine: Engine,
    writer: Writer,
    clock: Clock,
    pack: PolicyPack,
    keys: KeyStore,
    authority: str,
) -> NoticeParts:
    """Build the parts; nothing is sent before the upkeep runs."""
    rules = pack.rules(NoticeRules)
    every_jurisdiction(pack)  # a wrong file is refused now, not at its first use
    clocks = Clocks.of(pack, settings.jurisdiction, authority)
    outbound = CallerOutbound(
        _listed(settings.webhook_hosts),
        _listed(settings.webhook_inner_hosts),
        float(rules.deliver_seconds_max),
    )
    webhooks = Webhooks(writer, keys, outbound, rules)
    return NoticeParts(
        chase=Chase(engine, writer, clock, clocks, rules, authority),
        announcer=Announcer(engine, writer, clock, clocks, rules),
        webhooks=webhooks,
        delivery=NoticeDelivery(
            engine, writer, clock, rules, webhooks, _mail(settings, rules), settings.platform_origin
        ),
    )


def _mail(settings: Settings, rules: NoticeRules) -> MailServer | None:
    if not settings.smtp_host:
        return None
    return MailServer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_sender,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password_file=settings.smtp_password_file,
        certificate_authority=settings.smtp_authorities,
        seconds_max=float(rules.deliver_seconds_max),
    )


def _listed(text: str) -> tuple[str, ...]:
    return tuple(item.strip().lower() for item in text.split(",") if item.strip())
