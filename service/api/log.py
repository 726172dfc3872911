"""The log as its readers see it: key, checkpoint, entries, receipts, and the evidence bundle."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, PlainTextResponse
from starlette.background import BackgroundTask

from audit.cosigned import best_cosigned_size, cosigned_receipt, with_cosignatures
from audit.export import export_bundle, export_kept
from audit.notes import parse_checkpoint
from audit.reading import entry_at, read_entries, receipt_for
from audit.sentences import KIND_SENTENCES
from audit.tags import EntryKind
from foundation.clock import to_iso
from foundation.db import reading
from foundation.errors import Message, NotFound
from foundation.identity import Role
from foundation.ids import random_name
from service.api.bodies import StrictRoute
from service.api.callers import AnyCaller, OnPlatform, OverseerCaller, RegulatorCaller
from service.evidence import evidence_files
from service.key_opening import sm_log_files

router = APIRouter(prefix="/log", route_class=StrictRoute, tags=["audit"])
ENTRIES_MAX = 500
INDEX_MAX = 2**63 - 1


@router.get("/key", response_class=PlainTextResponse)
def get_key(platform: OnPlatform) -> str:
    """Return the log's verifier key. Public: keep it outside the platform."""
    return platform.log.verifier_key.text() + "\n"


@router.get("/checkpoint", response_class=PlainTextResponse)
def get_checkpoint(platform: OnPlatform) -> str:
    """Return the last signed checkpoint, with what witnesses put under it so far. Public."""
    note = platform.log.head()
    with reading(platform.engine) as connection:
        return with_cosignatures(connection, parse_checkpoint(note).size, note)


@router.get("/witnesses")
def get_witnesses(platform: OnPlatform) -> dict[str, object]:
    """Tell which witnesses there are, what each has seen, and what the rules demand. Public."""
    return platform.witnessing.as_public()


@router.get("/kept")
def get_kept(_actor: OverseerCaller, platform: OnPlatform) -> FileResponse:
    """Return the checkpoint with the leaf hashes beneath it, to hold later logs against."""
    path = platform.settings.home / "exports" / f"{random_name()}.zip"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    export_kept(platform.engine, path)
    return FileResponse(path, media_type="application/zip", background=BackgroundTask(path.unlink))


@router.post("/bundles")
def post_bundle(actor: RegulatorCaller, platform: OnPlatform) -> FileResponse:
    """Export the whole log, its rules, licences, journals and statements for offline checking."""
    path = platform.settings.home / "exports" / f"{random_name()}.zip"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    export_bundle(
        platform.engine,
        platform.writer,
        actor,
        key=platform.log.verifier_key,
        files=evidence_files(platform.engine, platform.pack, platform.keys.inventory())
        | sm_log_files(platform.settings, platform.opened_keys, platform.engine),
        out=path,
    )
    return FileResponse(path, media_type="application/zip", background=BackgroundTask(path.unlink))


@router.get("/entries")
def get_entries(
    actor: OverseerCaller,
    platform: OnPlatform,
    start: Annotated[int, Query(ge=0, le=INDEX_MAX)] = 0,
    limit: Annotated[int, Query(ge=1, le=ENTRIES_MAX)] = 100,
    kind: Annotated[EntryKind | None, Query()] = None,
    licence: Annotated[str | None, Query(max_length=80)] = None,
    person: Annotated[str | None, Query(max_length=80)] = None,
    dataset: Annotated[str | None, Query(max_length=80)] = None,
) -> dict[str, object]:
    """Search the public part of the log; each line says in words what happened."""
    subjects = {"licence": licence, "person": person, "dataset": dataset}
    with reading(platform.engine) as connection:
        found = read_entries(
            connection,
            first=start,
            limit=limit,
            kinds=() if kind is None else (kind,),
            subjects={name: value for name, value in subjects.items() if value is not None},
        )
    return {
        "entries": [
            {
                "index": entry.index,
                "time": to_iso(entry.time_us),
                "kind": entry.kind,
                "sentence": KIND_SENTENCES[EntryKind(entry.kind)].in_language(actor.language),
                "content": entry.content,
            }
            for entry in found
        ]
    }


@router.get("/entries/{index}")
def get_entry(
    index: Annotated[int, Path(ge=0, le=INDEX_MAX)], actor: AnyCaller, platform: OnPlatform
) -> dict[str, object]:
    """Read one entry whole, so that its receipt can be verified: one's own organisation's only.

    ``body`` is the exact text that the leaf hash was taken over. Authority and regulator read all.
    """
    with reading(platform.engine) as connection:
        found = entry_at(connection, index)
    by = found.content["actor"]  # the system acts for nobody, whatever house it is named after
    own = by["organisation"] == actor.organisation and Role.SYSTEM.value not in by["roles"]
    if not own and not actor.oversees:
        raise NotFound(
            "log_entry_not_found",
            Message("没有您可读取的这条日志。", "There is no such entry that you may read."),
            field="index",
        )
    return {
        "index": found.index,
        "leaf": found.leaf_hash.hex(),
        "body": found.body.decode(),
        "sentence": KIND_SENTENCES[EntryKind(found.kind)].in_language(actor.language),
    }


@router.get("/entries/{index}/receipt", response_class=PlainTextResponse)
def get_receipt(
    index: Annotated[int, Path(ge=0, le=INDEX_MAX)], _actor: AnyCaller, platform: OnPlatform
) -> str:
    """Return the proof of an entry's place in the log, against a cosigned checkpoint if known.

    It discloses hashes only.
    """
    with reading(platform.engine) as connection:
        size = best_cosigned_size(connection, index)
        if size is not None:
            return cosigned_receipt(connection, index, size)
        return receipt_for(connection, index)
