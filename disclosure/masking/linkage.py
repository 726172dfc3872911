"""Under which key a column's pseudonyms stand: one a linkage group, else one a column.

Columns and data sets of one group of one licence share pseudonyms, so that they can be joined;
everywhere else the same person has another pseudonym. The key never leaves the service, and
nothing takes a value and answers its pseudonym.
"""

import hmac

from foundation.canonical import canonical_bytes

_LABEL = "sandgate/linkage@1"


def column_key(licence_key: bytes, *, dataset: str, column: str, group: str | None) -> bytes:
    """Return the 32-byte key of one column of a licence, from the licence's own key.

    ``group`` is the linkage group that the grant declares, or None. Both forms are told apart, so
    that no group can be named to meet a column of another data set.
    """
    scope = ["group", group] if group is not None else ["column", dataset, column]
    return hmac.digest(licence_key, canonical_bytes([_LABEL, *scope]), "sha256")
