"""Which trial plays which row of the acceptance list."""

from collections.abc import Mapping

from service.acceptance.report import Trial

TRIALS: Mapping[int, Trial] = {}
"""Row number to its trial; each file of trials adds its own."""
