"""Making the files of a request: at submission, for each preview and at delivery, always anew.

Whatever is made after submission has the digests that the request names, or nothing goes on (I15).
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from authorization.licences import licence_document
from disclosure.release.appetite import rules_for
from disclosure.release.drafting import too_many_files
from disclosure.release.files import FileDraft, Placed, ReleasedFile
from disclosure.release.parts import DeskParts, bytes_differ
from disclosure.release.requests import Request, manifest_digest
from foundation.db import reading
from foundation.errors import InvalidInput, Message
from foundation.identity import Actor


def first_made(
    parts: DeskParts,
    actor: Actor,
    request_id: str,
    licence: str,
    drafts: Sequence[FileDraft],
) -> tuple[ReleasedFile, ...]:
    """Make the files of a draft. Raises what any source refuses, and InvalidInput for none."""
    if not drafts:
        raise InvalidInput(
            "release_without_files",
            Message("申请中没有文件。", "The request holds no file."),
            field="files",
        )
    with reading(parts.engine) as connection:
        rules = rules_for(connection, licence_document(connection, licence), parts.rules)
        if len(drafts) > rules.files_max:
            raise too_many_files(rules.files_max)
        return tuple(
            parts.sources.read(
                connection,
                Placed(request_id, licence, actor.organisation, actor.person, draft, rules),
            )
            for draft in drafts
        )


def made_again(
    parts: DeskParts, connection: Connection, request: Request
) -> tuple[ReleasedFile, ...]:
    """Make every file of a submitted revision anew. Raises Conflict where one differs."""
    rules = rules_for(connection, licence_document(connection, request.licence), parts.rules)
    made = tuple(
        parts.sources.read(
            connection,
            Placed(
                request.id,
                request.licence,
                request.organisation,
                request.author,
                item.draft,
                rules,
            ),
        )
        for item in request.files
    )
    named = [(item.name, item.sha256) for item in request.files]
    same = bool(named) and [(item.name, item.sha256) for item in made] == named
    if not same or manifest_digest(named) != request.sha256:
        raise bytes_differ()
    return made
