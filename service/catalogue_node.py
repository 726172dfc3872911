"""Joins the parts of imports and exports on this platform, and says whose catalogue it is."""

from catalog.entries import Bilingual
from catalog.exchange.dcat import Node
from catalog.exchange.drafting import BookDrafting
from catalog.exchange.importing import Imports
from catalog.sheets.reading import SheetReader, bounds_of
from policies.schema.exchange import ExchangeRules
from service.bootstrap import Platform
from service.workers import service_environment

TITLE = Bilingual(zh="政务数据目录", en="Catalogue of government data")
DESCRIPTION = Bilingual(
    zh="本平台已发布的政务数据目录条目。", en="The published entries of this platform's catalogue."
)


def imports_of(platform: Platform) -> Imports:
    """Return what judges and takes imports; each file is read in a confined child."""
    rules = platform.pack.rules(ExchangeRules)
    settings = platform.settings
    reader = SheetReader(
        environment=service_environment(),
        bounds=bounds_of(rules.sheets),
        bubblewrap=settings.bubblewrap,
        processors=settings.other_processors,
    )
    return Imports(
        engine=platform.engine,
        writer=platform.writer,
        reader=reader,
        rules=rules,
        catalog=platform.catalog_rules,
        drafting=BookDrafting(platform.book),
        clocks=platform.book.clocks,
    )


def node_of(platform: Platform) -> Node:
    """Return whose catalogue this is: the data authority's, under this platform's address."""
    return Node(
        base=platform.settings.platform_origin,
        title=TITLE,
        description=DESCRIPTION,
        publisher=Bilingual(zh="数据主管部门", en="Data authority"),
        publisher_code=platform.authority,
    )
