"""What a claim is, and whether a licence's grant lets it be made: read before any data is.

A claim names one unit by all the grant's identifiers and says what is so about it. Numbers are
claimed as equal to a value, or by the label of an approved range: nothing can be halved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from authorization.documents import Grant
from authorization.grant_terms import ClaimRange, VerifyTerms
from catalog.datasets import Column, DatasetDeclaration, Frozen, Name
from catalog.written import StoredValue, stored_value
from disclosure.outcome import Refused
from foundation.errors import Message
from policies.schema.verification import VerificationRules

RULE = "policies/verification"
Written = Annotated[str, Field(min_length=1, max_length=1_000)]


class Consent(Frozen):
    """The consent that a claim stands on (授权同意): its number, who gave it, when, for what."""

    number: str = Field(min_length=1, max_length=200)
    given_by: str = Field(min_length=1, max_length=200)
    given_on: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
    purpose: Name


class Claim(Frozen):
    """What is asked: of whom (identifiers), what is claimed (attributes), and with which consent.

    Values are written as text: whole numbers and decimals plainly, dates as YYYY-MM-DD, booleans
    as true or false, ranges by their label.
    """

    dataset: Name
    subject: dict[Name, Written] = Field(min_length=1, max_length=4)
    claimed: dict[Name, Written] = Field(min_length=1, max_length=20)
    consent: Consent


@dataclass(frozen=True)
class Condition:
    """One column's part of a claim: equal to a value, or inside an approved range."""

    column: Column
    value: StoredValue | ClaimRange

    @property
    def text(self) -> str:
        """Write what is claimed in one way, so that equal claims count once."""
        value = self.value
        return f"range:{value.label}" if isinstance(value, ClaimRange) else f"value:{value}"


@dataclass(frozen=True)
class ReadClaim:
    """A claim that the grant allows, its values as the columns store them."""

    dataset: DatasetDeclaration
    identifiers: tuple[Condition, ...]
    attributes: tuple[Condition, ...]
    consent: Consent

    @property
    def columns(self) -> tuple[str, ...]:
        """Return all columns that the claim names, in order."""
        return tuple(item.column.name for item in (*self.identifiers, *self.attributes))


def read_claim(
    claim: Claim, grant: Grant, dataset: DatasetDeclaration, rules: VerificationRules
) -> ReadClaim:
    """Read a claim against its grant. Raises Refused, naming the field and never a value."""
    terms = grant.verify
    if terms is None or not set(claim.claimed) <= set(grant.columns):
        raise not_granted()
    if set(claim.subject) != set(terms.identifiers):
        names = ", ".join(terms.identifiers)
        raise _refused(
            "claim_identifiers",
            "subject",
            f"须给出且仅给出全部标识列：{names}。",
            f"Name the unit by all identifiers, and no other: {names}.",
        )
    if len(claim.claimed) > rules.attributes_per_claim_max:
        raise _refused(
            "claim_too_wide",
            "claimed",
            f"一次最多核验 {rules.attributes_per_claim_max} 项。",
            f"At most {rules.attributes_per_claim_max} attributes in one claim.",
        )
    return ReadClaim(
        dataset=dataset,
        identifiers=tuple(_identifiers(claim.subject, dataset)),
        attributes=tuple(_attributes(claim.claimed, terms, dataset)),
        consent=claim.consent,
    )


def not_granted() -> Refused:
    """Say that the claim is outside the licence, whether or not what it names exists."""
    return _refused(
        "claim_not_granted",
        "claimed",
        "本授权不包含对这些内容的核验。",
        "This licence does not hold the verification of these attributes.",
    )


def _identifiers(subject: Mapping[str, str], dataset: DatasetDeclaration) -> Iterator[Condition]:
    for name in sorted(subject):
        column = _declared(dataset, name)
        yield Condition(column, _stored(column, subject[name], f"subject.{name}"))


def _attributes(
    claimed: Mapping[str, str], terms: VerifyTerms, dataset: DatasetDeclaration
) -> Iterator[Condition]:
    for name in sorted(claimed):
        column = _declared(dataset, name)
        ranges = terms.ranges_of(name)
        if not ranges:
            yield Condition(column, _stored(column, claimed[name], f"claimed.{name}"))
            continue
        found = next((item for item in ranges if item.label == claimed[name]), None)
        if found is None:
            labels = ", ".join(item.label for item in ranges)
            raise _refused(
                "claim_range",
                f"claimed.{name}",
                f"该列只可按已批准的区间核验：{labels}。",
                f"This column is claimed by an approved range only: {labels}.",
            )
        yield Condition(column, found)


def _declared(dataset: DatasetDeclaration, name: str) -> Column:
    column = dataset.column(name)
    if column is None:
        raise not_granted()
    return column


def _stored(column: Column, text: str, field: str) -> StoredValue:
    value = stored_value(column, text)
    if value is None:
        raise _refused(
            "claim_value",
            field,
            f"取值的写法与该列的类型 {column.type} 不符。",
            f"The value is not written as this column's type {column.type} is.",
        )
    return value


def _refused(code: str, field: str, zh: str, en: str) -> Refused:
    return Refused(code, Message(zh, en), field=field, rule=RULE)
