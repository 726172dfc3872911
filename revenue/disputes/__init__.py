"""Disputes: opened by a payee or payer, held, decided by two persons, corrected by new journals."""
