"""What comes out: the gate, the plan, masks, noise, budgets, checks and the release desk."""
