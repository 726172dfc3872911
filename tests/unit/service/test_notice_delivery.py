"""Notices on their way: found receivers, signed calls, retries that end, and a list to put back."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, insert, select, update

import audit.store  # noqa: F401 - the log's tables
from audit.events import AuditEvent, PendingEntry
from audit.reading import read_entries
from audit.tags import EntryKind
from audit.writer import GroupCommitWriter
from authorization import store as registry
from catalog.entries import Bilingual
from catalog.notices.outbox import Notice, Recipient, enqueue, notice_delivery, notices_for
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.db import metadata, reading
from foundation.errors import Conflict, Denied, InvalidInput, Message, NotFound
from foundation.identity import SYSTEM_ACTOR, Actor, ActorKind, Role
from foundation.keys import FileKeyStore
from policies.load import load_policies
from policies.schema.notices import NoticeRules
from service.notices.addresses import address_of, forget_address, set_address
from service.notices.delivery import NoticeDelivery, undelivered
from service.notices.webhooks import Webhooks, signature, subscriptions_of
from service.outbound_callers import CallerOutbound
from service.outbound_mail import MailServer
from tests.fakes import SteppedClock
from tests.receivers import http_receiver, reply, smtp_server

RULES = load_policies().rules(NoticeRules)
HANS = Actor("hans", "civil", frozenset({Role.PROVIDER}))
ANNA = Actor("anna", "traffic", frozenset({Role.PROVIDER}))


@pytest.fixture
def writer(
    engine: Engine, keys: FileKeyStore, clock: SteppedClock, tmp_path: Path
) -> Iterator[GroupCommitWriter]:
    metadata.create_all(engine)
    writer = GroupCommitWriter(engine, keys, clock, "test.example/log", tmp_path / "head")
    writer.submit(_event(), _people)
    yield writer
    writer.close()


@pytest.fixture
def delivery(
    engine: Engine, writer: GroupCommitWriter, keys: FileKeyStore, clock: SteppedClock
) -> Iterator[NoticeDelivery]:
    outbound = CallerOutbound((), ("127.0.0.1",), 2.0)
    webhooks = Webhooks(writer, keys, outbound, RULES)
    made = NoticeDelivery(engine, writer, clock, RULES, webhooks, None, "https://p.example")
    yield made
    made.close()


def _event() -> AuditEvent:
    return AuditEvent(EntryKind.REQUEST_REFUSED, SYSTEM_ACTOR, {"route": "t", "code": "t"})


def _people(connection: Connection, _entry: PendingEntry) -> None:
    for house in ("civil", "traffic"):
        connection.execute(
            insert(registry.organisation).values(
                id=house, kind="provider", name_zh=house, name_en=house, created_us=0
            )
        )
    for person, house, role in (
        ("hans", "civil", Role.PROVIDER),
        ("hedy", "civil", Role.DEPARTMENT_HEAD),
        ("anna", "traffic", Role.PROVIDER),
    ):
        values = {"person": person, "since_us": 0}
        connection.execute(
            insert(registry.person).values(id=person, kind="person", name=person, created_us=0)
        )
        connection.execute(insert(registry.affiliation).values(organisation=house, **values))
        connection.execute(insert(registry.person_role).values(role=str(role), **values))


def tell(writer: GroupCommitWriter, *to: Recipient, kind: str = "matter.reminded") -> None:
    notice = Notice(
        kind=kind,
        subject="mat_1",
        to=to or (Recipient(organisation="civil", roles=(Role.PROVIDER,)),),
        title=Bilingual(zh="办件C2026-000001将到期", en="Case C2026-000001 is due"),
        body=Bilingual(zh="请办理。", en="Please decide it."),
        data={"case": "C2026-000001"},
    )
    writer.submit(_event(), lambda connection, entry: enqueue(connection, entry, notice))


def test_a_call_is_signed_over_time_and_body_with_a_secret_shown_once(
    delivery: NoticeDelivery, writer: GroupCommitWriter, engine: Engine
) -> None:
    with http_receiver() as receiver:
        made, secret = delivery.webhooks.subscribe(HANS, receiver.url, ["matter.*"])
        tell(writer)
        tell(writer, kind="catalogue.changed")  # not subscribed
        tell(writer, Recipient(organisation="traffic"))  # another house
        tell(writer, Recipient(organisation="civil", person="hans"))  # for one person alone
        delivery.run_once()
        delivery.run_once()
    (heard,) = receiver.heard
    seconds = int(heard.header("sandgate-timestamp"))
    expected = hmac.new(secret.encode(), f"{seconds}.".encode() + heard.body, hashlib.sha256)
    assert heard.header("sandgate-signature") == f"v1={expected.hexdigest()}"
    assert signature(secret, seconds, heard.body + b" ") != expected.hexdigest()
    body = json.loads(heard.body)
    assert body["kind"] == "matter.reminded"
    assert body["data"] == {"case": "C2026-000001"}
    assert body["delivery"] == heard.header("sandgate-delivery")
    with reading(engine) as connection:
        (stored,) = subscriptions_of(connection, "civil")
        raw = connection.exec_driver_sql("SELECT * FROM webhook_subscription").all()
        log = "".join(str(entry.public) for entry in read_entries(connection))
    assert stored == made.value
    assert secret not in str(raw) + log
    assert stored.url not in log


def test_what_fails_is_tried_again_with_one_id_later_and_later_then_set_aside(
    delivery: NoticeDelivery, writer: GroupCommitWriter, clock: SteppedClock, engine: Engine
) -> None:
    failures = [reply("503 Busy")] * (len(RULES.retry_seconds) + 1)
    with http_receiver(*failures) as receiver:
        delivery.webhooks.subscribe(HANS, receiver.url, ["*"])
        tell(writer)
        delivery.run_once()
        for seconds in RULES.retry_seconds:
            clock.advance((seconds - 1) * MICROSECONDS_PER_SECOND)
            assert delivery.attempt() == []
            clock.advance(MICROSECONDS_PER_SECOND)
            assert len(delivery.attempt()) == 1
        clock.advance(10**12)
        assert delivery.attempt() == []
        with reading(engine) as connection:
            (dead,) = undelivered(connection, HANS)
            assert undelivered(connection, ANNA) == []
        assert (dead["state"], dead["fault"]) == ("dead", "status_503")
        with pytest.raises(NotFound):
            delivery.revive(ANNA, dead["delivery"])
        delivery.revive(HANS, dead["delivery"])
        with pytest.raises(Conflict):
            delivery.revive(HANS, dead["delivery"])
        (last,) = delivery.attempt()
        assert last.fault == ""
    assert len({heard.header("sandgate-delivery") for heard in receiver.heard}) == 1
    assert len({heard.body for heard in receiver.heard}) == 1
    assert len(receiver.heard) == len(RULES.retry_seconds) + 2
    with reading(engine) as connection:
        assert undelivered(connection, HANS) == []


def test_one_that_is_gone_or_was_ended_is_not_tried_again(
    delivery: NoticeDelivery, writer: GroupCommitWriter, engine: Engine
) -> None:
    with http_receiver(reply("410 Gone")) as receiver:
        made, _ = delivery.webhooks.subscribe(HANS, receiver.url, ["*"])
        tell(writer)
        delivery.run_once()
        tell(writer)
        delivery.dispatch()
        delivery.webhooks.end(HANS, made.value.id)
        delivery.attempt()
    with reading(engine) as connection:
        faults = {one["fault"] for one in undelivered(connection, HANS)}
        states = set(connection.execute(select(notice_delivery.c.state)).scalars())
    assert faults == {"status_410", "subscription_ended"}
    assert states == {"dead"}
    assert len(receiver.heard) == 1


def test_only_people_of_the_house_subscribe_and_only_listed_hosts(
    delivery: NoticeDelivery,
) -> None:
    url = "http://127.0.0.1:9/hook"
    service = Actor("bot", "civil", HANS.roles, ActorKind.SERVICE)
    regulator = Actor("rosa", "civil", frozenset({Role.REGULATOR}))
    for stranger in (service, regulator):
        with pytest.raises(Denied):
            delivery.webhooks.subscribe(stranger, url, ["*"])
    for bad, kinds in (
        ("https://other.example/x", ["*"]),
        (url, []),
        (url, ["matter.*.x"]),
        (f"http://127.0.0.1:9/{'x' * 500}", ["*"]),
    ):
        with pytest.raises(InvalidInput):
            delivery.webhooks.subscribe(HANS, bad, kinds)
    made, _ = delivery.webhooks.subscribe(HANS, url, ["*"])
    with pytest.raises(NotFound):
        delivery.webhooks.end(ANNA, made.value.id)
    for _ in range(RULES.subscriptions_per_organisation_max - 1):
        delivery.webhooks.subscribe(HANS, url, ["*"])
    with pytest.raises(Conflict):
        delivery.webhooks.subscribe(HANS, url, ["*"])
    delivery.webhooks.end(HANS, made.value.id)
    delivery.webhooks.subscribe(HANS, url, ["*"])


def test_mail_reaches_who_is_in_house_and_role_now_in_their_language(
    delivery: NoticeDelivery, writer: GroupCommitWriter, tmp_path: Path
) -> None:
    hedy = Actor("hedy", "civil", frozenset({Role.DEPARTMENT_HEAD}))
    set_address(writer, HANS, "hans@civil.example", "en")
    set_address(writer, hedy, "hedy@civil.example", "zh-CN")
    set_address(writer, ANNA, "anna@traffic.example", "zh")
    with smtp_server(tmp_path) as mailbox:
        mail = MailServer(
            "127.0.0.1",
            mailbox.port,
            "notice@sandgate.example",
            certificate_authority=mailbox.authority,
        )
        mailing = replace(delivery, mail=mail)
        tell(writer)
        tell(writer, Recipient(organisation="civil"))
        mailing.run_once()
        left = update(registry.affiliation).where(registry.affiliation.c.person == "hans")
        writer.submit(_event(), lambda connection, _e: connection.execute(left.values(ended_us=1)))
        tell(writer)
        mailing.run_once()
        mailing.close()
    boxes = zip(mailbox.taken, mailbox.envelopes, strict=True)
    told = sorted((to[0], message["Subject"]) for message, (_, to) in boxes)
    assert told == [
        ("hans@civil.example", "Case C2026-000001 is due"),
        ("hans@civil.example", "Case C2026-000001 is due"),
        ("hedy@civil.example", "办件C2026-000001将到期"),
    ]


def test_an_address_is_a_persons_own_and_forgotten_without_trace_in_the_log(
    writer: GroupCommitWriter, engine: Engine
) -> None:
    set_address(writer, HANS, "hans@civil.example", "en")
    set_address(writer, HANS, "hans@home.example", "en")
    with reading(engine) as connection:
        found = address_of(connection, "hans")
        assert found is not None
        assert found.address == "hans@home.example"
    forget_address(writer, HANS)
    with reading(engine) as connection:
        assert address_of(connection, "hans") is None
        log = "".join(str(entry) for entry in read_entries(connection))
    assert "civil.example" not in log


def test_a_notice_is_read_by_whom_it_is_for(writer: GroupCommitWriter, engine: Engine) -> None:
    tell(writer)
    tell(writer, Recipient(organisation="civil", person="hedy"))
    with reading(engine) as connection:
        assert len(notices_for(connection, HANS)) == 1
        assert notices_for(connection, ANNA) == []
        assert notices_for(connection, Actor("x", "civil", frozenset())) == []


def test_a_notice_of_a_refused_move_is_not_written(
    writer: GroupCommitWriter, engine: Engine
) -> None:
    def refused(connection: Connection, entry: PendingEntry) -> None:
        notice = Notice(
            kind="matter.reminded",
            subject="mat_1",
            to=(Recipient(organisation="civil"),),
            title=Bilingual(zh="x", en="x"),
            body=Bilingual(zh="x", en="x"),
        )
        enqueue(connection, entry, notice)
        raise NotFound("x", Message("x", "x"))

    with pytest.raises(NotFound):
        writer.submit(_event(), refused)
    with reading(engine) as connection:
        assert notices_for(connection, HANS) == []
