"""Spreadsheets that mean harm, made by hand from the bytes up: no file of another is kept here."""

import io
import zipfile
import zlib
from collections.abc import Mapping

CONTENT_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-'
    'package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/{kind}" Target="{target}"{more}/></Relationships>'
)
WORKBOOK = (
    '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
    'main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="目录" sheetId="1" r:id="rId1"{more}/></sheets></workbook>'
)
SHEET = (
    '<?xml version="1.0"?>{before}<worksheet xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
)
GOOD_ROW = '<row r="1"><c r="A1" t="inlineStr"><is><t>目录名称</t></is></c></row>'


def parts(rows: str = GOOD_ROW, *, before: str = "", hidden: bool = False) -> dict[str, bytes]:
    """Return the parts of a small workbook with these rows."""
    state = ' state="hidden"' if hidden else ""
    return {
        "[Content_Types].xml": CONTENT_TYPES.encode(),
        "_rels/.rels": RELATIONS.format(
            kind="officeDocument", target="xl/workbook.xml", more=""
        ).encode(),
        "xl/workbook.xml": WORKBOOK.format(more=state).encode(),
        "xl/_rels/workbook.xml.rels": RELATIONS.format(
            kind="worksheet", target="worksheets/sheet1.xml", more=""
        ).encode(),
        "xl/worksheets/sheet1.xml": SHEET.format(before=before, rows=rows).encode(),
    }


def packed(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of parts."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def plain() -> bytes:
    """Return a workbook that nothing is wrong with."""
    return packed(parts())


def bomb(megabytes: int = 24) -> bytes:
    """Return a file of under a megabyte that unpacks to many."""
    return packed({**parts(), "xl/media/image1.png": bytes(megabytes << 20)})


def lying_bomb() -> bytes:
    """Return an archive whose directory says that a part is small, and which is not."""
    data = bytearray(packed({**parts(), "xl/media/image1.png": bytes(24 << 20)}))
    true_size = (24 << 20).to_bytes(4, "little")
    return bytes(data.replace(true_size, (1_000).to_bytes(4, "little")))


def shared_string_bomb() -> bytes:
    """Return a workbook of one long text that every cell repeats."""
    text = "目" * 8_000
    strings = (
        '<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/'
        f'main"><si><t>{text}</t></si></sst>'
    )
    cells = "".join(f'<c r="{chr(65 + at)}{{0}}" t="s"><v>0</v></c>' for at in range(26))
    rows = "".join(f'<row r="{n}">{cells.format(n)}</row>' for n in range(1, 6_001))
    files = parts(rows)
    relations = files["xl/_rels/workbook.xml.rels"].decode()
    more = (
        '<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
        'relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    )
    files["xl/_rels/workbook.xml.rels"] = relations.replace("</Relationships>", more).encode()
    return packed({**files, "xl/sharedStrings.xml": strings.encode()})


def far_cell(place: str, named: str = "r") -> bytes:
    """Return a workbook with one cell far away."""
    row = int("".join(mark for mark in place if mark.isdigit()))
    cell = f'<row r="{row}"><c {named}="{place}"><v>1</v></c></row>'
    return packed(parts(GOOD_ROW + cell))


def entity_bomb() -> bytes:
    """Return a workbook whose sheet declares entities that multiply, and one of another file."""
    before = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY c SYSTEM "file:///etc/passwd">]>'
    )
    row = '<row r="1"><c r="A1" t="inlineStr"><is><t>&b;&c;</t></is></c></row>'
    return packed(parts(row, before=before))


def quine() -> bytes:
    """Return a gzip-like loop in zip clothing: a part that is the archive's own beginning."""
    inner = packed(parts())
    return packed({**parts(), "xl/embedded.xlsx": inner, "xl/worksheets/sheet2.xml": inner})


def with_part(name: str, content: bytes = b"x") -> bytes:
    """Return a workbook with one part more."""
    return packed({**parts(), name: content})


def under_password() -> bytes:
    """Return what a workbook under a password begins with: an OLE file with its streams."""
    return (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(504)
        + "EncryptedPackage".encode("utf-16-le")
        + bytes(992)
    )


def member_under_password() -> bytes:
    """Return an archive whose members carry the mark of a password."""
    data = bytearray(plain())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= 1
            start = data.find(mark, start + 4)
    return bytes(data)


def outside_link() -> bytes:
    """Return a workbook with a relationship that points out of the file."""
    link = RELATIONS.format(
        kind="image", target="http://169.254.169.254/latest", more=' TargetMode="External"'
    )
    return packed({**parts(), "xl/worksheets/_rels/sheet1.xml.rels": link.encode()})


def two_of_a_name() -> bytes:
    """Return an archive in which two parts share a name, so that readers differ."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in parts().items():
            archive.writestr(name, content)
        with_warning = archive.writestr
        with_warning("XL/worksheets/SHEET1.xml", b"<worksheet/>")
    return data.getvalue()


def broken(seed: int) -> bytes:
    """Return a workbook with a few bytes changed, by a seed."""
    data = bytearray(plain())
    state = zlib.crc32(seed.to_bytes(4, "little"))
    for _ in range(1 + seed % 7):
        state = zlib.crc32(state.to_bytes(4, "little"))
        data[state % len(data)] ^= 1 + (state >> 24) % 255
    return bytes(data)
