"""Joins what keeps matters moving and brings notices, from the settings and the rules."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from authorization.sharing.ending import TermReminders
from catalog.matters.announcing import Announcer
from catalog.matters.chasing import Chase
from catalog.matters.clocks import Clocks
from foundation.settings import Settings
from policies.effective import every_jurisdiction
from policies.schema.notices import NoticeRules
from policies.schema.sharing import SharingRules
from service.answering import Ground
from service.notices.delivery import NoticeDelivery
from service.notices.webhooks import Webhooks
from service.outbound_callers import CallerOutbound
from service.outbound_mail import MailServer


@dataclass(frozen=True)
class NoticeParts:
    """What the upkeep runs and the endpoints ask."""

    chase: Chase
    announcer: Announcer
    terms: TermReminders
    webhooks: Webhooks
    delivery: NoticeDelivery

    @property
    def tasks(self) -> tuple[Callable[[], object], ...]:
        """What the upkeep does each round: every step that is due, then what is to be told."""
        steps = (self.chase.run_once, self.announcer.run_once, self.terms.run_once)
        return (*steps, self.delivery.run_once)

    def close(self) -> None:
        """End what is being sent."""
        self.delivery.close()


def notice_parts(ground: Ground, authority: str, undo: ExitStack) -> NoticeParts:
    """Build the parts; nothing is sent before the upkeep runs."""
    settings, engine, writer, clock = ground.settings, ground.engine, ground.writer, ground.clock
    every_jurisdiction(ground.pack)  # a wrong file is refused now, not at its first use
    rules = ground.pack.rules(NoticeRules)
    sharing = ground.pack.rules(SharingRules)
    clocks = Clocks.of(ground.pack, settings.jurisdiction, authority)
    outbound = CallerOutbound(
        _listed(settings.webhook_hosts),
        _listed(settings.webhook_inner_hosts),
        float(rules.deliver_seconds_max),
    )
    webhooks = Webhooks(writer, ground.opened.store, outbound, rules)
    delivery = NoticeDelivery(
        engine, writer, clock, rules, webhooks, _mail(settings, rules), settings.platform_origin
    )
    undo.callback(delivery.close)
    return NoticeParts(
        chase=Chase(engine, writer, clock, clocks, rules, authority),
        announcer=Announcer(engine, writer, clock, clocks, rules),
        terms=TermReminders(engine, writer, clock, clocks, sharing.term_notice_days_before),
        webhooks=webhooks,
        delivery=delivery,
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
