"""Which trial plays which row of the acceptance list."""

from collections.abc import Mapping

from service.acceptance import (
    administrator_trials,
    audit_trials,
    catalogue_trials,
    clock_trials,
    hall_trials,
    key_trials,
    licence_trials,
    money_trials,
    privacy_trials,
    release_trials,
)
from service.acceptance.report import Trial

TRIALS: Mapping[int, Trial] = {
    1: catalogue_trials.fields,
    2: catalogue_trials.withheld,
    3: catalogue_trials.signed_off,
    4: clock_trials.clocks,
    5: catalogue_trials.one_notice,
    6: hall_trials.hall,
    7: licence_trials.activation,
    8: licence_trials.term,
    9: licence_trials.shared_origin,
    10: licence_trials.conflict,
    11: licence_trials.outside_scenario,
    14: privacy_trials.masked,
    15: release_trials.minimum_cell,
    16: privacy_trials.private,
    17: release_trials.two_people,
    18: release_trials.traced,
    19: release_trials.recall,
    20: audit_trials.complete,
    21: audit_trials.tamper_evident,
    22: audit_trials.regulator,
    23: audit_trials.retention,
    24: clock_trials.registration,
    25: money_trials.pricing,
    26: money_trials.permitted,
    27: money_trials.settlement,
    28: money_trials.disclosure,
    29: key_trials.cryptography,
    30: administrator_trials.administrators,
}
"""Row number to its trial; a row without one is reported as not shown."""
