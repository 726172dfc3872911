"""Keys of a zone: wrapped under the zone's own key as well, so that it ends them all, and no other.

A data key named ``<use>-zone.<zone>.<rest>`` belongs to the zone. Its box is sealed under the
zone's key ``zone.<zone>`` before it is sealed under the wrapping key of the store.
"""

import re

_ZONED = re.compile(r"^[a-z]+-zone\.([a-z][a-z0-9_-]{0,62})\.[a-z0-9_.-]+$")
PUBLIC_ZONE = "public"


def zone_key_name(zone: str) -> str:
    """Name the key that all keys of a zone are wrapped under."""
    return f"zone.{zone}"


def zoned_name(use: str, zone: str, rest: str) -> str:
    """Name a data key of a zone; in the public zone it is only ``<use>-<rest>``."""
    return f"{use}-{rest}" if zone == PUBLIC_ZONE else f"{use}-zone.{zone}.{rest}"


def zone_of_key(name: str) -> str | None:
    """Return the zone that a data key belongs to; None for one of no zone of its own."""
    found = _ZONED.match(name)
    return None if found is None else found.group(1)
