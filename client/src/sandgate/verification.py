"""Verification (核验): whether a claim about one person, who agreed to it, is so. Never a value."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandgate import markup, synthetic, transport
from sandgate.language import pick
from sandgate.shown import Shown


@dataclass(frozen=True)
class Consent:
    """A person's consent: its number, who gave it, on which day (YYYY-MM-DD), for what."""

    number: str
    given_by: str
    given_on: str
    purpose: str


@dataclass(frozen=True, repr=False)
class Verification(Shown):
    """The answer to one claim: ``yes``, ``no``, or ``unknown`` where nothing is recorded."""

    details: dict[str, Any]
    kind = "verification"

    @property
    def answer(self) -> str:
        """The word: yes, no or unknown."""
        return str(self.details["answer"])

    @property
    def synthetic(self) -> bool:
        """Whether the claim was held to the synthetic twin that a debug session sees."""
        return bool(self.details.get("synthetic"))

    @property
    def receipt(self) -> str:
        """The proof of the answer's place in the log."""
        return str(self.details["receipt"])

    def plain(self) -> str:
        """Return the answer as one line."""
        words = {
            "yes": pick("核验一致", "The claim is so"),
            "no": pick("核验不一致", "The claim is not so"),
        }
        said = words.get(self.answer, pick("无法核验", "Nothing is known of this claim"))
        return f"【{synthetic.mark()}】{said}" if self.synthetic else said

    def html(self) -> str:
        """Return the answer as a card."""
        return markup.card("plain", pick("核验", "Verification"), [markup.paragraph(self.plain())])

    def facts(self) -> dict[str, Any]:
        """Return what the gateway said."""
        return self.details


def verify(
    dataset: str,
    subject: Mapping[str, str],
    claimed: Mapping[str, str],
    consent: Consent,
    path: str | None = None,
) -> Verification:
    """Ask whether what is claimed of one subject is so; raise ``Refused`` where a rule says no.

    ``subject`` names the unit by its identifiers, ``claimed`` maps attributes to what is claimed
    (a value, or the label of an approved range), both as text.
    """
    body = {
        "dataset": dataset,
        "subject": dict(subject),
        "claimed": dict(claimed),
        "consent": {
            "number": consent.number,
            "given_by": consent.given_by,
            "given_on": consent.given_on,
            "purpose": consent.purpose,
        },
    }
    content = transport.ask(transport.socket_path(path), "POST", "/v1/verify", body)
    return Verification(json.loads(content))
