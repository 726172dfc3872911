"""The mark of what comes from synthetic data: a debug session's cards, tables and pictures bear it.

It stands in the data itself too (``DataFrame.attrs``), since a table outlives the card it came in.
"""

from typing import Any

from sandgate import figures
from sandgate.language import pick

ATTRIBUTE = "sandgate_synthetic"


def mark() -> str:
    """Return the words of the mark."""
    return pick("合成数据", "Synthetic data")


def would_cost(told: dict[str, Any]) -> str:
    """Say what a production session would have paid from the privacy budget; empty for nothing."""
    nano_rho = int(told.get("nano_rho") or 0)
    if not nano_rho:
        return ""
    delta_steps = int(told.get("delta_steps") or 0)
    delta = f" + δ {figures.delta(delta_steps)}" if delta_steps else ""
    rho = f"ρ {figures.rho_short(nano_rho)}{delta}"
    return pick(
        f"隐私预算：调试不消耗；正式查询将消耗 {rho}",
        f"Privacy budget: none in debugging; production would take {rho}",
    )
