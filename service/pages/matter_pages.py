"""Which page decides a matter of each kind; ``{subject}`` is what the matter is about."""

PAGE_OF_KIND: dict[str, str] = {
    "catalogue_sign_off": "/pages/catalogue-subjects/{subject}",
    "catalogue_review": "/pages/catalogue-subjects/{subject}",
    "catalogue_change": "/pages/catalogue-subjects/{subject}",
    "correction": "/pages/corrections/{subject}",
    "correction_referral": "/pages/corrections/{subject}",
    "objection": "/pages/corrections/{subject}",
    "share_sign_off": "/pages/sharing/{subject}",
    "share_request": "/pages/sharing/{subject}",
    "share_supply": "/pages/sharing/{subject}",
    "rectification": "/pages/sharing/{subject}",
    "promotion": "/pages/sharing/{subject}",
    "demand": "/pages/demands/{subject}",
    "source_claim": "/pages/quality/sources/{subject}",
}


def page_of(kind: str, subject: str, case: str) -> str:
    """Return the page where a matter is decided; its case where no page is known."""
    pattern = PAGE_OF_KIND.get(kind)
    return pattern.format(subject=subject) if pattern else f"/pages/cases/{case}"
