"""The unified social credit code's alphabet and its check character, as GB 32100-2015 writes them.

The one place of both: who is registered and what a mask shows are checked by the same rule.
"""

CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # table 1: no I, O, S, V, Z
CREDIT_BASE = len(CREDIT_ALPHABET)
CREDIT_WEIGHTS = tuple(pow(3, place, CREDIT_BASE) for place in range(17))


def credit_check(body: str) -> str:
    """Return the last character of a credit code from the 17 before it (annex B).

    Raises ValueError where they are not 17 characters of the alphabet.
    """
    total = sum(
        CREDIT_ALPHABET.index(character) * weight
        for character, weight in zip(body, CREDIT_WEIGHTS, strict=True)
    )
    return CREDIT_ALPHABET[-total % CREDIT_BASE]
