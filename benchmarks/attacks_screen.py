"""Attacks on what a session shows: hostile pages in a real browser, and paths at the proxy.

Figures: ``browser_attempts``, ``browser_hits``, ``proxy_paths``, ``proxy_denied_reached``. Nothing
here is timed. WebRTC is not among the attempts: Chromium knows no policy against it (SECURITY.md).
"""

import argparse
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY))

from benchmarks.figures import show, show_skipped  # noqa: E402
from tests.attacks.browser_attempts import (  # noqa: E402
    ATTEMPTS,
    CELLS,
    PREAMBLE,
    attempt,
    chromium,
    enter,
    foreign_listener,
    open_notebook,
    run_cell,
)
from tests.attacks.proxy_fuzzing import (  # noqa: E402
    listed_requests,
    random_requests,
    reached,
)
from tests.integration.session_parts import stage  # noqa: E402

ATTEMPTS_MIN = 17
PATHS_MIN = 40
FUZZED = 50_000
SEED = 4
AGAINST = "a listener on another origin, which the same browser reaches without our headers"


def browser_hits() -> tuple[list[str], bool]:
    """Run every attempt; return what the listener heard, and whether it hears at all."""
    with foreign_listener() as (url, hits), stage() as opened, chromium() as browser:
        endpoint = opened.open()
        page = browser.new_page()
        open_notebook(enter(page, opened, endpoint))
        run_cell(page, PREAMBLE)
        for code in CELLS.values():
            run_cell(page, code.format(url=url))
        for name in ATTEMPTS:
            attempt(page, opened, endpoint, url, name)
        page.wait_for_timeout(2_000)
        heard = list(hits)
        page.goto(f"{url}control")
        return heard, "/control" in hits


def show_browser() -> bool:
    """Print the browser's figures; return whether both bars are met."""
    heard, hears = browser_hits()
    count = len(ATTEMPTS) + len(CELLS)
    enough = show(
        "browser_attempts",
        count,
        "attempts",
        f">= {ATTEMPTS_MIN}",
        met=count >= ATTEMPTS_MIN,
        against=AGAINST,
        runs=1,
        residual="WebRTC",
    )
    none = show(
        "browser_hits",
        len(heard),
        "requests",
        "0",
        met=hears and not heard,
        against=AGAINST,
        runs=1,
        listener_hears=hears,
    )
    return enough and none


def show_proxy(fuzzed: int) -> bool:
    """Print the proxy's figures; return whether both bars are met."""
    listed, random_paths = listed_requests(), random_requests(fuzzed, SEED)
    found = [one for group in reached(listed, random_paths) for one in group]
    against = "Tornado's routing in the session's own server"
    enough = show(
        "proxy_paths",
        len(listed) + len(random_paths),
        "paths",
        f">= {PATHS_MIN}",
        met=len(listed) >= PATHS_MIN,
        against=against,
        runs=1,
        listed=len(listed),
        fuzzed=len(random_paths),
        let_through=len(found),
    )
    denied = [one for one in found if one.denied]
    none = show(
        "proxy_denied_reached",
        len(denied),
        "paths",
        "0",
        met=not denied,
        against=against,
        runs=1,
        examples=[f"{one.method} {one.sent}" for one in denied[:5]],
    )
    return enough and none


def main() -> int:
    """Print all four figures; 1 where a bar is missed."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--fuzzed", type=int, default=FUZZED, help="how many random paths")
    reader.add_argument("--no-browser", action="store_true", help="where no Chromium is installed")
    asked = reader.parse_args()
    met = show_proxy(asked.fuzzed)
    if asked.no_browser:
        show_skipped("browser_hits", "asked for without a browser")
        return 1
    return 0 if show_browser() and met else 1


if __name__ == "__main__":
    sys.exit(main())
