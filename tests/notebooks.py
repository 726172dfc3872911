"""Notebooks as JupyterLab saves them, made from lines of code."""

import json
from typing import Any


def ipynb(*cells: str, **more: Any) -> str:
    """Return an ``.ipynb`` file with these code cells, between text and with outputs."""
    listed: list[dict[str, Any]] = [{"cell_type": "markdown", "metadata": {}, "source": "# Brief"}]
    listed += [
        {
            "cell_type": "code",
            "execution_count": number,
            "metadata": {"tags": ["x"]},
            "source": cell.splitlines(keepends=True),
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "seen"}],
        }
        for number, cell in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": listed, **more})
