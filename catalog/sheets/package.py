"""Looks through an XLSX file before anything reads it: what it unpacks to, and what it carries.

Runs in the confined child; standard library only. Every part is unpacked once and counted, since
the sizes that an archive states may lie. A file with a document type (entities), macros, links to
other files, embedded objects or a password is refused, not cleaned.
"""

import io
import re
import zipfile
import zlib

from catalog.sheets.forms import Bounds, FileRefused

CHUNK_BYTES = 1 << 18
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MACRO_PARTS = ("vbaproject", "macrosheets/", "xlmmacro")
_LINK_PARTS = ("externallinks/", "connections.xml", "querytables/")
_ACTIVE_PARTS = ("activex/", "embeddings/", "ctrlprops/", "customui/", "webextensions/")
_MACRO_TYPES = (b"macroEnabled", b"vbaProject", b"ms-office.intlmacrosheet")
_PLACE = re.compile(rb"""\sr\s*=\s*["']\$?([A-Z]{1,4})\$?([0-9]{1,9})["']""")
_DOCUMENT_TYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_WIDE_TYPE = re.compile("<!(?:DOCTYPE|ENTITY)".encode("utf-16-le"), re.IGNORECASE)
_FLAG_ENCRYPTED = 0x1
_TAIL_BYTES = 64
_EXTERNAL = re.compile(rb"""TargetMode\s*=\s*["']External["']""", re.IGNORECASE)
_HYPERLINK = re.compile(rb"""relationships/hyperlink["']""")
_RELATIONSHIP = re.compile(rb"<[^<>]*Relationship\s[^<>]*>")


def check_package(data: bytes, bounds: Bounds) -> None:
    """Refuse an XLSX file that is no plain workbook. Raises FileRefused."""
    if data.startswith(OLE):
        raise FileRefused("encrypted" if _ENCRYPTED in data else "legacy_xls")
    if not data.startswith(ZIP):
        raise FileRefused("not_a_spreadsheet")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_members(archive, bounds)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
        raise FileRefused("unreadable") from error
    except RuntimeError as error:  # a member under a password; a subclass: packed as zipfile cannot
        raise FileRefused("encrypted" if type(error) is RuntimeError else "unreadable") from error


def _check_members(archive: zipfile.ZipFile, bounds: Bounds) -> None:
    members = archive.infolist()
    if len(members) > bounds.members_max:
        raise FileRefused("members")
    names = [member.filename.lower().replace("\\", "/") for member in members]
    if len(set(names)) != len(names):
        raise FileRefused("unreadable")  # two parts of one name: readers differ on which counts
    if "[content_types].xml" not in names or not any(n.startswith("xl/workbook") for n in names):
        raise FileRefused("not_a_spreadsheet")
    for name in names:
        _check_name(name)
    left = bounds.unpacked_bytes_max
    for member, name in zip(members, names, strict=True):
        if member.flag_bits & _FLAG_ENCRYPTED:
            raise FileRefused("encrypted")
        left -= _check_part(archive, member, name, left, bounds)


def _check_name(name: str) -> None:
    if any(part in name for part in _MACRO_PARTS) or (name.endswith(".bin") and "vba" in name):
        raise FileRefused("macros")
    if any(part in name for part in _LINK_PARTS):
        raise FileRefused("external_links")
    if any(part in name for part in _ACTIVE_PARTS):
        raise FileRefused("active_form")
    if name.startswith("xl/workbook") and name.endswith(".bin"):
        raise FileRefused("not_a_spreadsheet")  # XLSB


def _check_part(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, left: int, bounds: Bounds
) -> int:
    """Unpack one part, at most ``left`` bytes of it; return its size."""
    is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
    is_text = name.endswith((".xml", ".rels", ".vml"))
    found, tail, links = 0, b"", b""
    with archive.open(member) as part:
        while chunk := part.read(CHUNK_BYTES):
            found += len(chunk)
            if found > left:
                raise FileRefused("unpacked_bytes")
            seen = tail + chunk
            if is_text and (_DOCUMENT_TYPE.search(seen) or _WIDE_TYPE.search(seen)):
                raise FileRefused("document_type")
            if is_sheet:
                _check_places(seen, bounds)
            if name == "[content_types].xml" and any(kind in seen for kind in _MACRO_TYPES):
                raise FileRefused("macros")
            if name.endswith(".rels"):
                links += chunk
            tail = seen[-_TAIL_BYTES:]
    _check_links(links)
    return found


def _check_places(xml: bytes, bounds: Bounds) -> None:
    """Refuse a cell far outside before a reader makes room for all that lies between."""
    for letters, digits in _PLACE.findall(xml):
        row, column = int(digits), _column_number(letters)
        if column > bounds.columns_max:
            raise FileRefused("columns", row, column)
        if row > bounds.rows_max:
            raise FileRefused("rows", row, column)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _check_links(relationships: bytes) -> None:
    """Refuse whatever points out of the file but a hyperlink of a cell, which is text."""
    for relationship in _RELATIONSHIP.findall(relationships):
        if _EXTERNAL.search(relationship) and not _HYPERLINK.search(relationship):
            raise FileRefused("external_links")
