"""Build ``report.html`` from the demo's facts: one file, no outside resource, in one language.

Pictures stand as data URIs of ``<img>``, so that no script of an SVG could run and nothing loads;
a content security policy in the page says the same to the browser.
"""

import argparse
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import jinja2

from examples.report.comparison import comparison_spec

HERE = Path(__file__).resolve().parent
VEGA_LITE_TYPES = ("application/vnd.vegalite.v5+json", "application/vnd.vegalite.v6+json")
DRAW_SECONDS_MAX = 120
NANO = 1_000_000_000
FEN = 100
PPM_PER_PERCENT = 10_000
OPTIONAL = ("data", "charts", "refusals", "statements", "verification", "received", "host")


def charts_of_notebook(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the charts of an executed notebook, titled by their cells' metadata."""
    charts = []
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            spec = next((data[kind] for kind in VEGA_LITE_TYPES if kind in data), None)
            if spec is not None:
                charts.append({"title": _cell_title(cell), "spec": spec})
    return charts


def refusals_of_notebook(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what each cell tagged as forbidden ended with."""
    found = []
    for cell in notebook["cells"]:
        told = cell.get("metadata", {}).get("sandgate", {})
        if "forbidden" in told:
            found.append({"title": _cell_title(cell), "forbidden": told["forbidden"]} | _card(cell))
    return found


def _cell_title(cell: dict[str, Any]) -> dict[str, str]:
    told = cell.get("metadata", {}).get("sandgate", {})
    title: dict[str, str] = told.get("title") or {"zh": "图", "en": "Chart"}
    return title


def _card(cell: dict[str, Any]) -> dict[str, Any]:
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        refusal = data.get("application/vnd.sandgate.refusal+json")
        if refusal:
            return {"stopped": True, "by": "gateway", **refusal}
        attempt = data.get("application/vnd.sandgate.attempt+json")
        if attempt:
            return {"by": "sandbox", "rule": None, "message": attempt["messages"], **attempt}
    return {"stopped": False, "by": "nobody", "code": "no_card", "rule": None, "message": ""}


def draw(specs: list[dict[str, Any]], python: Path) -> list[str | None]:
    """Draw specs as SVG by the session's Python; None where a spec cannot be drawn."""
    if not specs:
        return []
    done = subprocess.run(
        [str(python), "-I", str(HERE / "charts.py")],
        input=json.dumps(specs),
        capture_output=True,
        text=True,
        check=True,
        timeout=DRAW_SECONDS_MAX,
    )
    drawn: list[str | None] = json.loads(done.stdout)
    return drawn


def build(facts: dict[str, Any], language: str, python: Path) -> str:
    """Return the report as HTML."""
    charts = list(facts.get("charts", []))
    waiting = [chart for chart in charts if "svg" not in chart]
    specs = [chart["spec"] for chart in waiting]
    comparison = facts.get("comparison")
    if comparison:
        specs.append(comparison_spec(comparison, language))
    drawn = draw(specs, python)
    if comparison:
        comparison = {**comparison, "svg": drawn.pop()}
    pictures = {id(chart): svg for chart, svg in zip(waiting, drawn, strict=True)}
    ready = [{**chart, "svg": chart.get("svg") or pictures.get(id(chart))} for chart in charts]
    page = {name: facts.get(name, []) for name in OPTIONAL}
    page |= {"release": None, "revenue": None, **facts, "charts": ready, "comparison": comparison}
    return _environment(language).get_template("report.html.j2").render(page, language=language)


def _environment(language: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "in": lambda texts: texts[language] if isinstance(texts, dict) else texts,
        "picture": _data_uri,
        "number": lambda value: "–" if value is None else f"{value:,}",
        "rho": _rho,
        "yuan": _yuan,
        "percent": lambda ppm: f"{ppm / PPM_PER_PERCENT:g}%",
    }
    environment.globals["t"] = lambda zh, en: zh if language == "zh" else en
    return environment


def _data_uri(svg: str) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _rho(nano_rho: int) -> str:
    whole, part = divmod(nano_rho, NANO)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".")


def _yuan(fen: int) -> str:
    whole, part = divmod(abs(fen), FEN)
    return f"{'-' if fen < 0 else ''}¥{whole:,}.{part:02d}"


def main() -> None:
    """Read the arguments and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--lang", choices=("zh", "en"), default="en")
    parser.add_argument("--out", type=Path, default=Path("report.html"))
    parser.add_argument("--charts-python", type=Path, default=Path(".venv-session/bin/python"))
    given = parser.parse_args()
    facts = json.loads(given.facts.read_text(encoding="utf-8"))
    given.out.write_text(build(facts, given.lang, given.charts_python), encoding="utf-8")


if __name__ == "__main__":
    main()
