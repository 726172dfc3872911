"""Whether a consent carries a claim: its purpose, its age, and that it is this person's alone.

One consent is one person's, to one licence: its number may be used again for that person and for
nobody else.
"""

from datetime import date, timedelta

from sqlalchemy import Connection, insert, select

from authorization.grant_terms import ConsentRule
from disclosure.outcome import Refused
from disclosure.verify import store
from disclosure.verify.claims import RULE, Consent
from disclosure.verify.digests import ClaimDigests
from foundation.clock import MICROSECONDS_PER_SECOND
from foundation.errors import Message

CHINA_OFFSET_SECONDS = 8 * 3_600  # consents are dated by the calendar of the people who give them
SECONDS_PER_DAY = 86_400
EPOCH = date(1970, 1, 1)


def check_consent(consent: Consent, rule: ConsentRule, now_us: int) -> None:
    """Refuse a consent for another purpose, of a day to come, or too old."""
    if consent.purpose not in rule.purposes:
        raise _refused(
            "consent_for_another_purpose",
            "consent.purpose",
            f"授权同意的目的不在本授权范围内：{', '.join(rule.purposes)}。",
            f"The consent is for another purpose than the licence's: {', '.join(rule.purposes)}.",
        )
    seconds = now_us // MICROSECONDS_PER_SECOND + CHINA_OFFSET_SECONDS
    today = EPOCH + timedelta(days=seconds // SECONDS_PER_DAY)
    try:
        given_on = date.fromisoformat(consent.given_on)
    except ValueError:
        given_on = date.max
    if not today - timedelta(days=rule.days_max) <= given_on <= today:
        raise _refused(
            "consent_not_in_time",
            "consent.given_on",
            f"授权同意的日期无效：须在今天及此前 {rule.days_max} 天之内。",
            f"The consent's day must lie within the last {rule.days_max} days.",
        )


def bind_consent(
    connection: Connection, digests: ClaimDigests, licence: str, entry_index: int
) -> None:
    """Bind a consent to its first person, licence and terms, or refuse another use of it."""
    table = store.consent
    row = connection.execute(select(table).where(table.c.consent == digests.consent)).first()
    if row is None:
        connection.execute(
            insert(table).values(
                consent=digests.consent,
                licence=licence,
                subject=digests.subject,
                terms=digests.consent_terms,
                first_index=entry_index,
            )
        )
        return
    used = (row.licence, row.subject, row.terms)
    if used != (licence, digests.subject, digests.consent_terms):
        raise _refused(
            "consent_used_otherwise",
            "consent.number",
            "该授权同意编号已用于另一授权、另一主体，或所载内容不同。",
            "This consent was used under another licence, for another subject, or reads otherwise.",
        )


def _refused(code: str, field: str, zh: str, en: str) -> Refused:
    return Refused(code, Message(zh, en), field=field, rule=RULE)
