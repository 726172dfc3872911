"""Ask ACRO for its verdicts on the rows of ``tests/table_rows.py``: how many cells fail."""

import contextlib
import json
import os
import re
import sys

import acro
import pandas as pd

from tests.table_rows import charities, four_ways, nursery

_FAILED = re.compile(r"(\w+Check): fail - (\d+) cells")
KIND_OF_EIGHT = 8  # charities of the kind R/G
_LOW = "MinimumThresholdCheck"


def failing(session: "acro.ACRO", *arguments: object, **more: object) -> dict[str, int]:
    """Make one table; return how many cells fail each check."""
    session.crosstab(*arguments, **more)
    record = session.results.get_index(len(session.results.results) - 1)
    return {name: int(number) for name, number in _FAILED.findall(record.summary)}


def main() -> None:
    """Print one line of figures."""
    session = acro.ACRO(suppress=False)
    rows, places = pd.DataFrame(charities()), pd.DataFrame(nursery())
    four = pd.DataFrame(four_ways())
    plain = failing(session, rows["year"], rows["grant_type"])
    sums = failing(
        session, rows["year"], rows["grant_type"], values=rows["inc_grants"], aggfunc="sum"
    )
    kinds = [rows["survivor"], rows["grant_type"]]
    deep = failing(session, rows["year"], kinds, dropna=False)
    two = failing(session, places["recommend"], places["parents"])
    three = failing(
        session, places["finance"], [places["parents"], places["recommend"]], dropna=False
    )
    all_four = failing(session, [four["v1"], four["v2"]], [four["v3"], four["v4"]])
    hiding = acro.ACRO(suppress=True)
    with_margins = hiding.crosstab(rows["year"], rows["grant_type"], margins=True)
    zero = "PresenceOfZeroCheck"
    found = {
        "year_by_type_low": plain.get(_LOW, 0),
        "sum_dominated": sums.get("NKCheck", 0),
        "survivor_zeros": deep.get(zero, 0),
        "survivor_low": deep.get(_LOW, 0),
        "nursery_two_zeros": two.get(zero, 0),
        "nursery_two_low": two.get(_LOW, 0),
        "nursery_three_zeros": three.get(zero, 0),
        "nursery_three_low": three.get(_LOW, 0),
        "four_ways_low": all_four.get(_LOW, 0),
        "low_cells_printed_with_margins": int((with_margins == KIND_OF_EIGHT).to_numpy().sum()),
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    out = os.dup(1)
    os.dup2(2, 1)  # ACRO prints as it goes
    with contextlib.redirect_stdout(os.fdopen(out, "w")):
        main()
