"""What the regulator's view joins from other rooms: names, budgets, and the odometer's picture."""
