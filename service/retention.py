"""The retention rules as the audit room reads them: classes of record with their terms."""

from audit.retention.classes import Classes, RecordClass
from policies.load import PolicyPack
from policies.schema.retention import Erasure, RetentionRules


def classes_of(pack: PolicyPack) -> Classes:
    """Return the classes of record in force."""
    return Classes(
        RecordClass(
            name=item.name,
            label_zh=item.label_zh,
            label_en=item.label_en,
            minimum_months=item.minimum_months,
            maximum_months=item.maximum_months,
            purged=item.erasure is Erasure.PURGE,
            readable=item.readable_in_case,
            kinds=item.kinds,
            fields=item.fields,
        )
        for item in pack.rules(RetentionRules).classes
    )
