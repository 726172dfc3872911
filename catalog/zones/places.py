"""Where a zone's data lie and under which key: apart from every other zone's.

The public zone keeps the places it always had. Another zone has one directory of its own, which
nobody else of the host may enter, and one key that all keys of its extracts are wrapped under.
"""

import shutil
from pathlib import Path

from catalog.datasets import PUBLIC_ZONE

ZONES = "zones"
EXTRACTS = "extracts"


def zone_home(home: Path, zone: str) -> Path:
    """Return the directory that a zone's versions and extracts stand beneath."""
    return home if zone == PUBLIC_ZONE else home / ZONES / zone


def extracts_directory(home: Path, zone: str) -> Path:
    """Return where the governed extracts of a zone are kept."""
    return zone_home(home, zone) / EXTRACTS


def extract_directories(home: Path) -> list[tuple[str, Path]]:
    """Return every zone that has a place, with the directory of its extracts."""
    others = ((found.name, found / EXTRACTS) for found in zone_directories(home))
    return [(PUBLIC_ZONE, home / EXTRACTS), *others]


def zone_directories(home: Path) -> list[Path]:
    """Return the directories of all zones but the public one."""
    directory = home / ZONES
    return sorted(directory.iterdir()) if directory.exists() else []


def make_zone_home(home: Path, zone: str) -> Path:
    """Make a zone's directory, open to this service alone."""
    directory = zone_home(home, zone)
    if zone != PUBLIC_ZONE:
        (home / ZONES).mkdir(mode=0o700, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def remove_zone_home(home: Path, zone: str) -> None:
    """Remove everything that a zone holds on disk; a second call changes nothing."""
    if zone == PUBLIC_ZONE:
        raise ValueError("the public zone is not removed")
    shutil.rmtree(zone_home(home, zone), ignore_errors=True)
