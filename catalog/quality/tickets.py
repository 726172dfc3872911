"""Makes correction tickets from what a comparison of two sources found (多源校核 to 校核纠错).

The data set that is not the item's authoritative source is asked to correct; where neither is, or
the item has none, both are. A ticket cites the sealed comparison and repeats no key or figure.
"""

from catalog.quality.comparisons import Comparison, read_comparison
from catalog.quality.correction_targets import RaisedCorrection
from catalog.quality.corrections import CorrectionDesk
from catalog.quality.measuring import QualityDesk
from catalog.quality.sources import source_of
from foundation.db import reading
from foundation.errors import Conflict, Denied, Message
from foundation.identity import Actor, Role


def tickets_of(
    desk: QualityDesk, corrections: CorrectionDesk, actor: Actor, comparison: str
) -> list[str]:
    """Raise one correction with each data set to be corrected; return their identifiers.

    Raises Conflict where both sources agree everywhere.
    """
    if not actor.has(Role.AUTHORITY):
        raise Denied(
            "authority_required",
            Message("由数据主管部门办理。", "The data authority does this."),
            rule="roles",
        )
    found = read_comparison(desk, actor, comparison)
    asked = Comparison.model_validate(found["asked"])
    counts = found["counts"]
    wrong = isinstance(counts, dict) and any(
        counts[name] for name in ("differ", "left_only", "right_only", "ambiguous")
    )
    if not wrong:
        raise Conflict(
            "sources_agree",
            Message("两个来源一致，无需更正。", "The two sources agree; nothing is to correct."),
            field="comparison",
        )
    with reading(desk.engine) as connection:
        source = source_of(connection, asked.item)
    sides = (asked.left, asked.right)
    named = [side.dataset for side in sides if source is None or side.dataset != source.dataset]
    return [
        corrections.raise_correction(
            actor,
            RaisedCorrection(
                target="dataset",
                subject=dataset,
                claim=f"多源校核发现“{asked.item}”与另一来源不一致，请核实更正。 "
                f"A comparison found {asked.item!r} to differ from another source.",
                evidence=f"多源校核 {comparison}",
            ),
            comparison,
        ).value.id
        for dataset in named
    ]
