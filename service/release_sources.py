"""The sources of the release desk on this platform, joined with what reads and draws for them."""

from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from disclosure.release.answer_files import AnswerFiles
from disclosure.release.contents.figures import FigureDrawer
from disclosure.release.contents.foreign import ForeignReader
from disclosure.release.contents.sources import FigureSource, ForeignSource, TextSource
from disclosure.release.contents.together import check_together
from disclosure.release.files import FileSource, Placed, ReleasedFile, Sources
from foundation.settings import Settings
from policies.load import PolicyPack
from policies.schema.contents import ContentRules
from service.workers import service_environment


def release_sources(settings: Settings, pack: PolicyPack, more: Sequence[FileSource]) -> Sources:
    """Return every source that this platform has; ``more`` are those with parts of their own."""
    rules = pack.rules(ContentRules)
    drawer = FigureDrawer(
        settings.session_environment.resolve(),
        rules,
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )

    def read(connection: Connection, placed: Placed) -> ReleasedFile:
        return sources.read(connection, placed)

    figures = FigureSource(drawer, read)
    sources = Sources(
        [AnswerFiles(), TextSource(), ForeignSource(), figures, *more],
        partial(check_together, rules=rules),
    )
    return sources


def foreign_reader(settings: Settings, pack: PolicyPack) -> ForeignReader:
    """Return what reads the files that sessions hand to the desk, each in a confined child."""
    return ForeignReader(
        environment=service_environment(),
        rules=pack.rules(ContentRules),
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
