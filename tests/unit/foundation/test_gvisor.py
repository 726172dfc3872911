"""Which runsc is taken, and what is said of one that is missing or too old."""

from pathlib import Path

import pytest

from foundation.errors import Unavailable
from foundation.gvisor import find_runsc


def runsc(directory: Path, version: str) -> Path:
    made = directory / "runsc"
    made.write_text(f"#!/bin/sh\necho 'runsc version {version}'\necho 'spec: 1.0.2-dev'\n")
    made.chmod(0o755)
    return made


@pytest.mark.parametrize("version", ["0.0~20240729.0", "release-20240729.0", "20230627.0"])
def test_a_runsc_with_systrap_is_taken(version: str, tmp_path: Path) -> None:
    made = runsc(tmp_path, version)
    assert find_runsc(made) == made


@pytest.mark.parametrize("version", ["0.0~20221219.0", "release-20230626.0", "unknown"])
def test_an_older_one_is_refused_with_where_to_get_a_newer(version: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refused:
        find_runsc(runsc(tmp_path, version))
    assert refused.value.field == "runsc"
    assert refused.value.way_out is not None
    assert "bookworm-backports" in refused.value.way_out.en


def test_a_setting_that_names_no_program_is_refused_though_the_host_has_one(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not found"):
        find_runsc(tmp_path / "none")
