"""Which trial plays which row of the acceptance list."""

from collections.abc import Mapping

from service.acceptance import catalogue_trials, clock_trials, hall_trials
from service.acceptance.report import Trial

TRIALS: Mapping[int, Trial] = {
    1: catalogue_trials.fields,
    2: catalogue_trials.withheld,
    3: catalogue_trials.signed_off,
    4: clock_trials.clocks,
    5: catalogue_trials.one_notice,
    6: hall_trials.hall,
    24: clock_trials.registration,
}
"""Row number to its trial; a row without one is reported as not shown."""
