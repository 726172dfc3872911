"""Every byte of a log of a thousand entries, and of its bundle, flipped in turn: each is found."""

from itertools import islice

import pytest

from tests.attacks.log_flips import Flips
from tests.attacks.log_scene import make_scene

ENTRIES = 1_000
STRIDE = 4_001


@pytest.fixture(scope="module")
def flips(tmp_path_factory: pytest.TempPathFactory) -> Flips:
    home = tmp_path_factory.mktemp("log")
    scene = make_scene(home, ENTRIES)
    scene.engine.dispose()
    return Flips(scene, home)


def test_flipped_bytes_of_a_bundle_are_found(flips: Flips) -> None:
    chosen = list(islice(flips.places(), 17, None, STRIDE))
    assert [place for place in chosen if not flips.is_found(*place)] == []
    assert len(chosen) > 100


@pytest.mark.full
@pytest.mark.timeout(6 * 3_600)
def test_every_flipped_byte_of_a_bundle_is_found(flips: Flips) -> None:
    missed = [place for place in flips.places() if not flips.is_found(*place)]
    assert missed == []
