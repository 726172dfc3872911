"""Published entries as DCAT-AP 3 in JSON-LD: what another catalogue can harvest.

An entry is a ``dcat:Dataset`` with its publisher, frequency and access rights; its share mode is a
``dcat:DataService`` or a ``dcat:Distribution``. What DCAT has no word for (share, open and return
attribute, grade, legal basis) stands under a namespace of our own. Chinese is tagged ``zh``;
English is given only where the bureau wrote any. Nothing is fetched: the context is inside.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from catalog.entries import Bilingual, CatalogueEntry, LegalBasis, ShareMode, UpdateFrequency
from catalog.exchange.inert import inert_json
from foundation.clock import to_iso

NAMESPACE = "urn:sandgate:catalogue:"
_AUTHORITY = "http://publications.europa.eu/resource/authority/"
CONTEXT: Mapping[str, Any] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "sg": {"@id": NAMESPACE, "@prefix": True},
}
FREQUENCIES: Mapping[UpdateFrequency, str] = {
    UpdateFrequency.REAL_TIME: "UPDATE_CONT",
    UpdateFrequency.DAILY: "DAILY",
    UpdateFrequency.WEEKLY: "WEEKLY",
    UpdateFrequency.MONTHLY: "MONTHLY",
    UpdateFrequency.QUARTERLY: "QUARTERLY",
    UpdateFrequency.HALF_YEARLY: "ANNUAL_2",
    UpdateFrequency.YEARLY: "ANNUAL",
    UpdateFrequency.ONCE: "NEVER",
}
"""更新频率 in the European Union's frequency list, which DCAT-AP asks for."""

ACCESS_RIGHTS = {
    "unconditional": "PUBLIC",
    "conditional": "RESTRICTED",
    "withheld": "NON_PUBLIC",
}
"""开放属性 in the European Union's list of access rights."""

MODE_WORDS = {
    ShareMode.SERVICE: Bilingual(zh="服务接口", en="Service interface"),
    ShareMode.BATCH: Bilingual(zh="批量交换", en="Batch exchange"),
    ShareMode.FILE: Bilingual(zh="文件下载", en="File download"),
    ShareMode.SANDBOX: Bilingual(zh="沙箱内使用", en="Use inside the sandbox"),
}


@dataclass(frozen=True)
class Published:
    """One entry as it is published. Times are UTC microseconds."""

    entry: CatalogueEntry
    version: int
    published_us: int


@dataclass(frozen=True)
class Node:
    """Whose catalogue this is. ``base`` is the address that identifiers of entries begin with."""

    base: str
    title: Bilingual
    description: Bilingual
    publisher: Bilingual
    publisher_code: str


def dataset_iri(base: str, code: str) -> str:
    """Return the identifier of an entry's data set."""
    return f"{base.rstrip('/')}/catalogue/{quote(code, safe='')}"


def dataset(published: Published, base: str) -> dict[str, Any]:
    """Return one entry as a ``dcat:Dataset`` node, without the context."""
    entry = published.entry
    iri = dataset_iri(base, entry.code)
    return {
        "@id": iri,
        "@type": "dcat:Dataset",
        "dct:identifier": entry.code,
        "dct:title": _words(entry.name),
        "dct:description": _words(entry.abstract or _described(entry)),
        "dct:publisher": _agent(entry),
        "dct:accrualPeriodicity": {
            "@id": f"{_AUTHORITY}frequency/{FREQUENCIES[entry.update_frequency]}",
            "@type": "dct:Frequency",
        },
        "dct:accessRights": {
            "@id": f"{_AUTHORITY}access-right/{ACCESS_RIGHTS[str(entry.open_attribute)]}",
            "@type": "dct:RightsStatement",
        },
        "dct:modified": _time(published.published_us),
        "dcat:version": str(published.version),
        "dcat:keyword": [_one(item.zh, "zh") for item in entry.data_items],
        "dcat:theme": [
            _concept(base, "theme", tag) for tag in (*entry.base_libraries, *entry.themes)
        ],
        "dct:relation": [{"@id": dataset_iri(base, code)} for code in entry.related_codes],
        "dcat:distribution": _distribution(entry, iri),
        **_own(entry),
    }


def document(published: Published, node: Node) -> str:
    """Return one entry as a JSON-LD document."""
    return inert_json({"@context": CONTEXT, **_trimmed(dataset(published, node.base))})


def catalogue(entries: Iterable[Published], node: Node) -> Iterator[str]:
    """Give a JSON-LD document of a catalogue piece by piece, one entry a piece."""
    head = {
        "@context": CONTEXT,
        "@id": f"{node.base.rstrip('/')}/catalogue",
        "@type": "dcat:Catalog",
        "dct:title": _words(node.title),
        "dct:description": _words(node.description),
        "dct:publisher": {
            "@id": f"{NAMESPACE}organisation:{quote(node.publisher_code, safe='')}",
            "@type": "foaf:Agent",
            "foaf:name": _words(node.publisher),
        },
    }
    yield inert_json(head)[:-1] + ', "dcat:dataset": ['
    before = ""
    for published in entries:
        yield before + inert_json(_trimmed(dataset(published, node.base)))
        before = ",\n"
    yield "]}\n"


def _own(entry: CatalogueEntry) -> dict[str, Any]:
    """Return what DCAT has no word for."""
    basis, kept = entry.legal_basis, entry.open_basis
    return {
        "sg:shareAttribute": str(entry.share_attribute),
        "sg:shareMode": str(entry.share_mode),
        "sg:openAttribute": str(entry.open_attribute),
        "sg:returnAttribute": str(entry.return_attribute),
        "sg:grade": str(entry.classification.grade),
        "sg:category": _words(entry.classification.category),
        "sg:dataFormat": entry.format,
        "sg:useConditions": _words(entry.use_conditions),
        "sg:shareScope": _words(entry.share_scope),
        "sg:permittedUse": _words(entry.permitted_use),
        "sg:legalBasis": _basis(basis),
        "sg:openBasis": _basis(kept),
        "sg:dataItem": [{"dct:title": _words(item)} for item in entry.data_items],
        "sg:zone": entry.zone,
        "dct:provenance": _provenance(entry.source),
    }


def _distribution(entry: CatalogueEntry, iri: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "@id": f"{iri}#distribution",
        "@type": "dcat:Distribution",
        "dct:title": _words(MODE_WORDS[entry.share_mode]),
        "dcat:accessURL": {"@id": iri},
        "dct:rights": {"@type": "dct:RightsStatement", "dct:title": _words(entry.use_conditions)},
    }
    if entry.share_mode is ShareMode.SERVICE:
        told["dcat:accessService"] = {
            "@id": f"{iri}#service",
            "@type": "dcat:DataService",
            "dct:title": _words(entry.name),
            "dcat:endpointURL": {"@id": iri},
            "dcat:servesDataset": {"@id": iri},
        }
    return told


def _agent(entry: CatalogueEntry) -> dict[str, Any]:
    return {
        "@id": f"{NAMESPACE}organisation:{entry.provider.code}",
        "@type": "foaf:Agent",
        "foaf:name": _words(entry.provider.name),
        "dct:identifier": entry.provider.code,
    }


def _concept(base: str, kind: str, tag: str) -> dict[str, Any]:
    return {
        "@id": f"{base.rstrip('/')}/catalogue/{kind}/{tag}",
        "@type": "skos:Concept",
        "skos:prefLabel": tag,
    }


def _basis(basis: LegalBasis | None) -> dict[str, Any] | None:
    if basis is None:
        return None
    return {"sg:reason": _words(basis.reason), "sg:act": _words(basis.act)}


def _provenance(source: Bilingual | None) -> dict[str, Any] | None:
    if source is None:
        return None
    return {"@type": "dct:ProvenanceStatement", "dct:title": _words(source)}


def _described(entry: CatalogueEntry) -> Bilingual:
    items = entry.data_items
    return Bilingual(
        zh=("数据项：" + "、".join(item.zh for item in items))[:400],
        en=("Data items: " + ", ".join(item.en for item in items))[:400],
    )


def _words(text: Bilingual | None) -> list[dict[str, str]] | None:
    """Tag both languages; English only where it is not the Chinese again."""
    if text is None:
        return None
    chinese = [_one(text.zh, "zh")]
    return chinese if text.en == text.zh else [*chinese, _one(text.en, "en")]


def _one(text: str, language: str) -> dict[str, str]:
    return {"@value": text, "@language": language}


def _time(time_us: int) -> dict[str, str]:
    return {"@value": to_iso(time_us), "@type": "xsd:dateTime"}


def _trimmed(node: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in node.items() if value not in (None, [])}
