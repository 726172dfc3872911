"""What a question takes from the privacy budget, and what is left: integers, written exactly."""

from dataclasses import dataclass

from sandgate import figures
from sandgate.language import pick


@dataclass(frozen=True)
class Cost:
    """What an answer took from the population's privacy budget; all zero for rows."""

    nano_rho: int
    epsilon_shown: str
    budget_nano_rho_remaining: int | None
    delta_steps: int = 0

    @property
    def spent(self) -> str:
        """The loss in ρ, with the ε it is shown as, and δ where a threshold charged some."""
        epsilon = f" (ε ≈ {self.epsilon_shown})" if self.epsilon_shown else ""
        delta = f" + δ {figures.delta(self.delta_steps)}" if self.delta_steps else ""
        return f"ρ {figures.rho_short(self.nano_rho)}{epsilon}{delta}"

    @property
    def left(self) -> str:
        """What the budget holds now; empty where the platform did not say."""
        if self.budget_nano_rho_remaining is None:
            return ""
        rho = figures.rho_short(self.budget_nano_rho_remaining)
        return pick(f"现余 ρ {rho}", f"ρ {rho} left")

    def __str__(self) -> str:
        return pick("，", ", ").join(part for part in (self.spent, self.left) if part)
