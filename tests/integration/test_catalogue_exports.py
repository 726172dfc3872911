"""Exports of a real catalogue: DCAT-AP by its shapes, a package checked offline, inert text."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pyshacl
import pytest
import rdflib

from audit.verify.__main__ import run as verify
from catalog.exchange.dcat import catalogue, dataset_iri, document
from catalog.exchange.inert import inert_csv
from catalog.exchange.packing import ENTRIES, MANIFEST, export_catalogue
from catalog.exchange.published import all_published, published_one, published_page
from foundation.canonical import canonical_bytes, digest
from foundation.db import reading
from tests.catalogue_exchange import NODE, REVIEWER, STEWARD, Exchange, exchange
from tests.catalogue_sheets import row_of

# rdflib's own reader of JSON-LD uses what rdflib itself will drop.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SHAPES = Path(__file__).with_name("dcat_ap_shapes.ttl")
DCAT = rdflib.Namespace("http://www.w3.org/ns/dcat#")
DCT = rdflib.Namespace("http://purl.org/dc/terms/")
HOSTILE = '</script><script>alert(1)</script>\u202e=1+1\u200b"'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with exchange(tmp_path_factory.mktemp("exports")) as opened:
        opened.publish(range(6))
        opened.publish([6], 目录名称=HOSTILE, 摘要=HOSTILE, 使用条件="=HYPERLINK(1)")
        yield opened


@pytest.fixture(scope="module")
def whole(world: Exchange) -> str:
    with reading(world.engine) as connection:
        return "".join(catalogue(all_published(connection), NODE))


@pytest.fixture(scope="module")
def package(world: Exchange) -> bytes:
    return export_catalogue(world.engine, world.writer, REVIEWER, NODE, at_us=0).data


def _graph(text: str) -> rdflib.Graph:
    return rdflib.Graph().parse(data=text, format="json-ld")


def _conforms(graph: rdflib.Graph) -> tuple[bool, str]:
    found = pyshacl.validate(graph, shacl_graph=str(SHAPES), shacl_graph_format="turtle")
    return bool(found[0]), str(found[2])


def test_the_whole_catalogue_conforms_to_the_shapes(whole: str) -> None:
    graph = _graph(whole)
    conforms, told = _conforms(graph)
    assert conforms, told
    assert len(list(graph.subjects(rdflib.RDF.type, DCAT.Dataset))) == 7
    assert set(graph.predicates()) >= {DCAT.distribution, DCT.accrualPeriodicity, DCT.publisher}


def test_the_shapes_can_fail(whole: str) -> None:
    for dropped in (DCT.title, DCT.publisher, DCAT.distribution, DCT.accrualPeriodicity):
        graph = _graph(whole)
        graph.remove((None, dropped, None))
        assert not _conforms(graph)[0], dropped


def test_one_entry_stands_alone_and_its_words_are_tagged(world: Exchange) -> None:
    code = row_of(0)["目录代码"]
    with reading(world.engine) as connection:
        found = published_one(connection, code)
    assert found is not None
    graph = _graph(document(found, NODE))
    assert _conforms(graph)[0]
    subject = rdflib.URIRef(dataset_iri(NODE.base, code))
    titles = list(graph.objects(subject, DCT.title))
    assert [title.language for title in titles if isinstance(title, rdflib.Literal)] == ["zh"]
    assert (subject, DCT.identifier, rdflib.Literal(code)) in graph


def test_pages_together_are_the_whole(world: Exchange) -> None:
    with reading(world.engine) as connection:
        every = [one.entry.code for one in all_published(connection)]
        first = published_page(connection, "", 3)
        rest = published_page(connection, first[-1].entry.code, 100)
    assert [one.entry.code for one in (*first, *rest)] == every
    assert every == sorted(every)


def test_a_drafted_entry_is_in_no_export(world: Exchange, whole: str) -> None:
    world.imports.take(STEWARD, world.judge([row_of(400)]))
    with reading(world.engine) as connection:
        assert published_one(connection, row_of(400)["目录代码"]) is None
    assert row_of(400)["目录名称"] not in whole


def test_text_of_others_is_inert_in_json_ld(whole: str) -> None:
    assert "<" not in whole
    assert ">" not in whole
    assert "\u202e" not in whole
    assert "\u200b" not in whole
    titles = {str(title) for title in _graph(whole).objects(None, DCT.title)}
    shown = HOSTILE.replace("\u202e", "〈U+202E〉").replace("\u200b", "〈U+200B〉")
    assert shown in titles


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", HOSTILE])
def test_text_of_others_is_inert_in_csv(text: str) -> None:
    (_, (cell,)) = csv.reader(io.StringIO(inert_csv(["x"], [[text]]).decode("utf-8-sig")))
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not any(mark in cell for mark in "\u202e\u200b\t\r")


def _verified(data: bytes, world: Exchange, folder: Path, *more: str) -> tuple[int, set[str]]:
    path = folder / "package.zip"
    path.write_bytes(data)
    out = io.StringIO()
    key = world.writer.verifier_key.text()
    with redirect_stdout(out):
        code = verify(["catalogue", str(path), "--log-key", key, "--json", *more])
    return code, {finding["code"] for finding in json.loads(out.getvalue())["findings"]}


def _changed(data: bytes, name: str, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.namelist():
            content = source.read(member)
            if member == name:
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(member, content)
    return out.getvalue()


def test_the_package_is_verified_from_the_file_alone(
    world: Exchange, package: bytes, tmp_path: Path
) -> None:
    assert _verified(package, world, tmp_path) == (0, {"catalogue_holds"})
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        lines = [json.loads(line) for line in archive.read(ENTRIES).splitlines()]
        manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
    assert manifest["entries"] == len(lines) == 7
    assert lines[0]["document"]["share_attribute"] == "conditional"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (ENTRIES, b'"L3"', b'"L1"'),
        (ENTRIES, b"\n", b""),
        (MANIFEST, b'"entries":7', b'"entries":6'),
        (MANIFEST, b"data.example", b"evil.example"),
        ("entry.json", b'"export"', b'"exporT"'),
        ("checkpoint", b"\n", b"\n\n"),
    ],
)
def test_a_changed_package_is_found_out(
    world: Exchange, package: bytes, tmp_path: Path, name: str, old: bytes, new: bytes
) -> None:
    code, found = _verified(_changed(package, name, old, new), world, tmp_path)
    assert code in {1, 2}
    assert "catalogue_holds" not in found


def test_a_line_rewritten_with_its_digest_is_found_out(
    world: Exchange, package: bytes, tmp_path: Path
) -> None:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        first = archive.read(ENTRIES).splitlines()[0]
    line = json.loads(first)
    line["document"]["share_attribute"] = "unconditional"
    line["digest"] = digest(line["document"])
    forged = _changed(package, ENTRIES, first, canonical_bytes(line))
    assert _verified(forged, world, tmp_path) == (1, {"entries_differ"})


def test_a_package_of_another_log_is_refused(package: bytes, tmp_path: Path) -> None:
    with exchange(tmp_path / "other") as other:
        code, found = _verified(package, other, tmp_path)
    assert (code, found) == (1, {"checkpoint_not_signed"})
