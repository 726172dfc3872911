"""Governed extracts: what one holds, how it is built, judged, kept and destroyed (I13)."""

from disclosure.extracts.building import BuildLimits, Extract, build_extract
from disclosure.extracts.files import (
    destroy_extract,
    licence_pseudonym_key,
    open_extract,
    pseudonym_key_name,
)
from disclosure.extracts.plan import ExtractPlan, plan_extract

__all__ = [
    "BuildLimits",
    "Extract",
    "ExtractPlan",
    "build_extract",
    "destroy_extract",
    "licence_pseudonym_key",
    "open_extract",
    "plan_extract",
    "pseudonym_key_name",
]
