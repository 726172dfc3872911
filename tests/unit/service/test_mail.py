"""Mail against a real SMTP server: TLS or nothing, one line a header, refusals told from delays."""

from dataclasses import replace
from pathlib import Path

import pytest

from foundation.errors import InvalidInput
from service.outbound import NotSent
from service.outbound_mail import MailServer, Rejected, checked_mail_address, composed
from tests.receivers import Mailbox, smtp_server

TO = "li.wei@civil.example"


def server_of(mailbox: Mailbox, **other: object) -> MailServer:
    made = MailServer(
        host="127.0.0.1",
        port=mailbox.port,
        sender="notice@sandgate.example",
        certificate_authority=mailbox.authority,
        seconds_max=3.0,
    )
    return replace(made, **other)  # type: ignore[arg-type]


def test_mail_goes_over_tls_to_one_address_in_chinese(tmp_path: Path) -> None:
    with smtp_server(tmp_path) as mailbox:
        server_of(mailbox).send(TO, "办件将于2026-12-02到期", "请尽快办理。\n", "dlv_1")
    (message,) = mailbox.taken
    assert message["Subject"] == "办件将于2026-12-02到期"
    assert message["Message-ID"] == "<dlv_1@sandgate.example>"
    assert message.get_content().strip() == "请尽快办理。"
    assert mailbox.envelopes == [("notice@sandgate.example", [TO])]


def test_a_certificate_of_another_name_or_authority_is_refused(tmp_path: Path) -> None:
    with smtp_server(tmp_path, name="mail.example") as mailbox:
        for server in (server_of(mailbox), server_of(mailbox, certificate_authority=None)):
            with pytest.raises(NotSent):
                server.send(TO, "x", "y", "dlv_1")
    assert mailbox.taken == []


def test_plain_text_is_spoken_on_the_loopback_only_and_never_by_fallback(tmp_path: Path) -> None:
    with smtp_server(tmp_path, tls=False) as mailbox:
        with pytest.raises(NotSent):  # the server offers no STARTTLS: nothing is sent
            server_of(mailbox).send(TO, "x", "y", "dlv_1")
        with pytest.raises(NotSent, match="plain_text_refused"):
            server_of(mailbox, host="localhost", security="none").send(TO, "x", "y", "dlv_1")
        assert mailbox.taken == []
        server_of(mailbox, security="none").send(TO, "x", "y", "dlv_1")
    assert len(mailbox.taken) == 1


def test_a_refused_recipient_is_given_up_and_a_busy_server_tried_again(tmp_path: Path) -> None:
    with smtp_server(tmp_path) as mailbox:
        mailbox.answers = {TO: "550 no such user", "b@civil.example": "451 later"}
        with pytest.raises(Rejected):
            server_of(mailbox).send(TO, "x", "y", "dlv_1")
        with pytest.raises(NotSent) as caught:
            server_of(mailbox).send("b@civil.example", "x", "y", "dlv_1")
        assert not isinstance(caught.value, Rejected)
        mailbox.seconds_before = 1.5
        with pytest.raises(NotSent):  # slow, and bounded as a whole
            server_of(mailbox, seconds_max=0.4).send("c@civil.example", "x", "y", "dlv_1")


@pytest.mark.parametrize(
    "subject",
    ["x\nBcc: evil@example.com", "x\r\nBcc: e@example.com", "x\x00", "x\u2028y", "x\x85y"],
)
def test_no_subject_adds_a_header(subject: str) -> None:
    with pytest.raises(Rejected):
        composed("notice@sandgate.example", TO, subject, "text", "dlv_1")


@pytest.mark.parametrize(
    "address",
    [
        "a@b.example\nBcc: c@d.example",
        "a@b.example, c@d.example",
        "Li <a@b.example>",
        '"a b"@c.example',
        "a@b",
        "a@-b.example",
        "@b.example",
        "李@例子.example",
        "a@[127.0.0.1]",
        "a@b.example ",
        f"{'a' * 65}@b.example",
    ],
)
def test_an_address_is_one_plain_address(address: str) -> None:
    with pytest.raises(InvalidInput):
        checked_mail_address(address)
    with pytest.raises(Rejected):
        composed("notice@sandgate.example", address, "x", "text", "dlv_1")


def test_a_text_may_hold_what_looks_like_headers_and_a_lone_dot(tmp_path: Path) -> None:
    text = "Bcc: evil@example.com\n.\nQUIT\n"
    with smtp_server(tmp_path) as mailbox:
        server_of(mailbox).send(TO, "x", text, "dlv_1")
    (message,) = mailbox.taken
    assert message["Bcc"] is None
    assert message.get_content().splitlines() == text.splitlines()
