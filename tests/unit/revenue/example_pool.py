"""The worked example of the documentation, by the real code: run as a module, it prints itself."""

import json
import re
from typing import Any

from docs.revenue_pictures import EXAMPLE_QUESTIONS, EXAMPLE_SCHEME
from tests.tariffs import price_json
from tests.unit.revenue.selling import make_licence
from tests.unit.revenue.settling import Asked, Scene

PRICE_MICRO_FEN = 1_999_500_000


def example_document() -> dict[str, Any]:
    """Return the pool document of five billed fetches, its digests left out."""
    plain = make_licence("lic_a", scheme=EXAMPLE_SCHEME, datasets=("d_roads", "d_people"))
    terms = plain.product.model_dump(mode="json")
    terms["tariff"]["prices"] = [price_json("fetch", PRICE_MICRO_FEN)]
    licence = plain.model_validate({**plain.model_dump(mode="json"), "product": terms})
    scene = Scene([licence])
    scene.open("2026-11")
    for key, sources in EXAMPLE_QUESTIONS:
        scene.use(Asked(licence, key, sources))
    scene.close("2026-11")
    document = scene.pools("2026-11")["lic_a"]
    scene.dispose()
    return without_digests(document)


def without_digests(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with an ellipsis for every digest."""
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", json.dumps(document, ensure_ascii=False))
    bare: dict[str, Any] = json.loads(text)
    return bare


def compact(document: dict[str, Any]) -> str:
    """Lay a document out with one line an item, as the page shows it."""
    lines = []
    for name, value in document.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            items = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in value)
            lines.append(f'  "{name}": [\n{items}\n  ]')
        else:
            lines.append(f'  "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(lines) + "\n}"


if __name__ == "__main__":
    print(compact(example_document()))  # noqa: T201 - that is what it is for
