"""What of a session's files a page may show: folders, texts and notebooks, with outputs filtered.

A notebook's outputs pass the same filter as a running kernel's; bytes that are no text never pass.
"""

from typing import Any

from foundation.errors import Denied, Message
from policies.schema.screen import DisplayRules
from sandbox.screen_display import Allowance, DisplayFilter, joined

_MODEL = frozenset(
    {
        "name",
        "path",
        "type",
        "format",
        "mimetype",
        "size",
        "writable",
        "created",
        "last_modified",
        "hash",
        "hash_algorithm",
        "content",
    }
)
Fields = dict[str, Any]


class FilesShown:
    """Filters answers of the contents API."""

    def __init__(self, filtering: DisplayFilter, rules: DisplayRules) -> None:
        """Filter as displays are filtered."""
        self._filter = filtering
        self._rules = rules

    def filtered(self, value: Any) -> Any:
        """Return a model, or a list of checkpoints, as it may be shown. Raises Denied."""
        if isinstance(value, list):
            return [
                {name: item[name] for name in ("id", "last_modified") if name in item}
                for item in value
                if isinstance(item, dict)
            ]
        if not isinstance(value, dict):
            raise _refused()
        if "type" not in value:  # a checkpoint, or an error in the server's words
            return {name: item for name, item in value.items() if isinstance(item, str | int)}
        return self._model(value)

    def _model(self, model: Fields) -> Fields:
        kept = {name: item for name, item in model.items() if name in _MODEL}
        content = kept.get("content")
        if content is None:
            return kept
        if kept["type"] == "directory" and isinstance(content, list):
            inner = [item for item in content if isinstance(item, dict)]
            return {**kept, "content": [self._model({**one, "content": None}) for one in inner]}
        if kept["type"] == "notebook" and isinstance(content, dict):
            return {**kept, "content": self._notebook(content)}
        if kept["type"] == "file" and isinstance(content, str) and kept.get("format") == "text":
            return kept
        raise _refused()

    def _notebook(self, notebook: Fields) -> Fields:
        cells = notebook.get("cells")
        if not isinstance(cells, list):
            raise _refused()
        return {**notebook, "cells": [self._cell(cell) for cell in cells if isinstance(cell, dict)]}

    def _cell(self, cell: Fields) -> Fields:
        left = self._filter.allowance()
        shown = dict(cell)
        if "outputs" in shown:
            outputs = shown["outputs"] if isinstance(shown["outputs"], list) else []
            filtered = [self._output(one, left) for one in outputs if isinstance(one, dict)]
            shown["outputs"] = [one for one in filtered if one is not None]
        if isinstance(shown.get("attachments"), dict):
            shown["attachments"] = {
                str(name): self._filter.bundle(data, left)
                for name, data in shown["attachments"].items()
            }
        return shown

    def _output(self, output: Fields, left: Allowance) -> Fields | None:
        kind = output.get("output_type")
        if kind == "stream":
            text = self._filter.text(output.get("text"), left)
            return {"output_type": kind, "name": joined(output.get("name")), "text": text}
        if kind in {"display_data", "execute_result"}:
            metadata = output.get("metadata")
            shown: Fields = {
                "output_type": kind,
                "data": self._filter.bundle(output.get("data"), left),
                "metadata": metadata if isinstance(metadata, dict) else {},
            }
            count = output.get("execution_count")
            return {**shown, "execution_count": count} if kind == "execute_result" else shown
        if kind == "error":
            lines = output.get("traceback")
            return {
                "output_type": kind,
                "ename": joined(output.get("ename")),
                "evalue": self._filter.text(output.get("evalue"), left),
                "traceback": [
                    self._filter.text(line, left)
                    for line in (lines if isinstance(lines, list) else [])
                ],
            }
        return None


def _refused() -> Denied:
    return Denied(
        "session_file_refused",
        Message(
            "该文件不是文本或笔记本，不能在页面中显示。",
            "This file is neither text nor a notebook; it is not shown in the page.",
        ),
        field="path",
        rule="policies/screen",
        way_out=Message(
            "请在代码中读取它；结果经出域审核带出。",
            "Read it in code; results leave by the release desk.",
        ),
    )
