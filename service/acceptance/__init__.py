"""The acceptance list of a data bureau, run in front of its panel: one row, one real trial.

Every trial plays on a fresh temporary installation of this very version, through the HTTP API that
everybody uses, by people with the roles they would have; nothing of a real installation is read or
changed. A row that is not tried is reported as not passed, with what it waits for.
"""
