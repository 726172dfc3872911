"""Run by path inside a confined child: one foreign spreadsheet in, its text cells out, or a code.

It inherits one end of a socket and nothing else. The first line says the name and the bounds.
"""

import json
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # python -I leaves it out

from catalog.sheets import forms, package, text_table, workbook

HEADER_BYTES_MAX = 8_192
TEXT_ENDINGS = (".csv", ".tsv", ".txt")


def take_apart(data: bytes, file_name: str, sheet: str | None, bounds: forms.Bounds) -> forms.Cells:
    """Read one file by what its name says it is. Raises FileRefused."""
    if len(data) > bounds.file_bytes_max:
        raise forms.FileRefused("file_bytes")
    if not data:
        raise forms.FileRefused("empty")
    name = file_name.lower()
    if name.endswith(TEXT_ENDINGS):
        if data.startswith((package.ZIP, package.OLE)):
            raise forms.FileRefused("not_a_spreadsheet")
        return text_table.read_text_table(data, bounds)
    if name.endswith((".xlsm", ".xltm", ".xlam")):
        raise forms.FileRefused("macros")
    package.check_package(data, bounds)
    if not name.endswith(".xlsx"):
        raise forms.FileRefused("not_a_spreadsheet")
    return workbook.read_workbook(data, sheet, bounds)


def main(channel: int) -> None:
    """Take one file apart and send what it holds."""
    with socket.socket(fileno=channel) as link, link.makefile("rb") as stream:
        order = json.loads(stream.readline(HEADER_BYTES_MAX))
        bounds = forms.Bounds(**order["bounds"])
        data = stream.read(bounds.file_bytes_max + 1)
        try:
            answer = forms.as_json(take_apart(data, order["file_name"], order["sheet"], bounds))
        except forms.FileRefused as refusal:
            place = {"row": refusal.row, "column": refusal.column}
            answer = json.dumps({"refused": refusal.code, **place}).encode()
        except MemoryError:
            answer = b'{"refused": "stopped"}'
        except UnicodeEncodeError:
            answer = b'{"refused": "encoding"}'
        link.sendall(answer)


if __name__ == "__main__":
    main(int(sys.argv[1]))
