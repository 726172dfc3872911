"""The check characters of resident, bank card and organisation numbers, as their standards say.

The one place of them (with ``catalog.credit_codes``): detectors, masks and the release desk agree.
Standard library only: the confined children run it.
"""

RESIDENT_CHECKS = "10X98765432"  # ISO 7064 MOD 11-2, as GB 11643-1999 writes it
RESIDENT_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997
BODY_MODULUS = 11
DIGIT_NINE = 9


def resident_check(body: str) -> str:
    """Return the check character of the first 17 digits."""
    total = sum(int(digit) * weight for digit, weight in zip(body, RESIDENT_WEIGHTS, strict=True))
    return RESIDENT_CHECKS[total % len(RESIDENT_CHECKS)]


def luhn_check(body: str) -> str:
    """Return the Luhn check digit (ISO/IEC 7812-1, annex B)."""
    doubled = [int(digit) * (2 - place % 2) for place, digit in enumerate(reversed(body))]
    total = sum(value - 9 if value > DIGIT_NINE else value for value in doubled)
    return str(-total % 10)


def body_check(body: str) -> str:
    """Return the check character of the organisation's own eight (GB 11714-1997)."""
    total = sum(int(c, 36) * weight for c, weight in zip(body, BODY_WEIGHTS, strict=True))
    return "0123456789X"[-total % BODY_MODULUS]
