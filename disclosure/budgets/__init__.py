"""Privacy budgets: a tree of hard stops, its charges, its odometer, and how it is reopened."""
