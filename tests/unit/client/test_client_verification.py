"""The client's verification: what it sends, and how the three answers and a refusal read."""

import json

import pytest

from sandgate import Consent, Refused, verify
from tests.unit.client.conftest import GatewayState

CONSENT = Consent("c-1", "Zhang San", "2026-11-01", "loan_review")
WORDS = {"yes": "The claim is so", "no": "The claim is not so", "unknown": "Nothing is known"}


@pytest.mark.parametrize("answer", WORDS)
def test_each_answer_reads_as_a_sentence(
    gateway: GatewayState, answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDGATE_LANGUAGE", "en")
    gateway.raw = (200, json.dumps({"answer": answer, "receipt": "r"}).encode())
    found = verify("people", {"id": "1"}, {"state": "east"}, CONSENT, str(gateway.path))
    assert found.answer == answer
    assert found.receipt == "r"
    assert WORDS[answer] in found.plain()
    assert WORDS[answer] in found.html()


def test_a_refusal_is_raised(gateway: GatewayState) -> None:
    gateway.raw = (403, json.dumps({"code": "verification_locked", "messages": {}}).encode())
    with pytest.raises(Refused):
        verify("people", {"id": "1"}, {"state": "east"}, CONSENT, str(gateway.path))
