"""Which releases rest on a data set, whoever holds them: what is flagged when its data were wrong.

In whatever state but refused or withdrawn: a draft of a wrong answer must not leave tomorrow. It
flags nothing itself and takes nothing back; a recall is the authority's own act.
"""

import json

from sqlalchemy import Connection, select

from catalog.quality.correction_reads import AffectedOutput
from disclosure.release.copies import recipients_of
from disclosure.release.states import ReleaseState
from disclosure.release.store import release_file, release_request

_GONE = (ReleaseState.REFUSED.value, ReleaseState.WITHDRAWN.value)


def outputs_resting_on(connection: Connection, dataset: str) -> list[AffectedOutput]:
    """List each release with a file that rests on a data set, and each holder of a copy of it."""
    made, asked = release_file.c, release_request.c
    query = (
        select(made.sources, release_request)
        .join_from(release_file, release_request, made.request == asked.id)
        .where(made.sources.contains(json.dumps(dataset), autoescape=True))
        .where(asked.state.not_in(_GONE))
        .order_by(asked.created_index)
    )
    found: dict[str, AffectedOutput] = {}
    for row in connection.execute(query):
        if dataset not in json.loads(row.sources):
            continue
        release = AffectedOutput(
            output=row.id,
            kind="release",
            licence=row.licence,
            organisation=row.organisation,
            title_zh=row.title_zh,
            title_en=row.title_en,
        )
        found[row.id] = release
        for copy in recipients_of(connection, row.id):
            holder = str(copy["organisation"])
            if holder != row.organisation:
                held = {"output": f"{row.id}@{holder}", "kind": "product", "organisation": holder}
                found[f"{row.id}@{holder}"] = release.model_copy(update=held)
    return list(found.values())
