"""Recalls what an upheld correction flagged: the authority's own act, once for all of it."""

from catalog.quality.correction_reads import affected, required_correction
from disclosure.release.requests import require_request
from disclosure.release.states import ReleaseState
from foundation.db import reading
from foundation.identity import Actor
from service.bootstrap import Platform


def recall_affected(
    platform: Platform, actor: Actor, correction: str, reason: str
) -> list[dict[str, object]]:
    """Recall every delivered release that a correction flagged; each is an entry of its own.

    What is not delivered stays where it is: its checkers see the flag. Raises NotFound.
    """
    with reading(platform.engine) as connection:
        required_correction(connection, correction)
        delivered = [
            item.output
            for item in affected(connection, correction)
            if item.kind == "release"
            and require_request(connection, item.output).state is ReleaseState.DELIVERED
        ]
    said = f"{reason} ({correction})"
    return [platform.desk.recalls.recall(actor, name, said).as_json() for name in delivered]
