"""Takes the pictures of the pages that the guides show: ``python -m tests.page_pictures``.

They are taken of a running city with Chromium, after each role did its task in it as the tests of
the pages do, so that a picture never shows what the pages do not. A palette keeps the files small.
"""

import argparse
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

from tests.integration import test_role_pages as tasks
from tests.role_pages import Faces, faces, go, send

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"
COLOURS = 255


def main() -> None:
    """Take all pictures, into the guides' folder or the one that is given."""
    parser = argparse.ArgumentParser(description="Take the pictures of the pages.")
    parser.add_argument("--out", type=Path, default=IMAGES)
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory() as home, faces(Path(home) / "home", out, issuer=False) as it:
        _take(it)
    for picture in out.glob("pages-*.png"):
        with Image.open(picture) as taken:
            few = taken.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(picture, optimize=True)


def _take(city: Faces) -> None:
    tasks.test_an_entry_goes_from_a_clerks_draft_to_publication(city)
    _look(city, city.page("clerk"), "pages-entry.zh")
    tasks.test_a_department_asks_and_the_hall_answers_under_seal(city)
    for account, language, name in (("delegate", "zh-CN", "zh"), ("clerk", "en-GB", "en")):
        page = city.page(account, language)
        page.goto("/pages")
        _look(city, page, f"pages-tasks.{name}")
    operator = city.page("analyst")
    go(operator, "数据沙箱", "开通会话")
    send(operator, "开通", {"licence": city.city.licence})
    _look(city, operator, "pages-session.zh")
    send(operator, "关闭会话")
    auditor = city.page("auditor")
    auditor.set_viewport_size({"width": 1_280, "height": 1_000})
    auditor.goto("/pages/log")
    city.look(auditor, "pages-log.zh", whole=False)


def _look(city: Faces, page: Page, name: str) -> None:
    page.goto(page.url.partition("?")[0])  # without the word that a form was carried out
    city.look(page, name)


if __name__ == "__main__":
    main()
