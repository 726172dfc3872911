"""Statistical disclosure control of tables: pure arithmetic over exact integers, no data access.

``cells`` says what a table is, ``judging`` which cells fail a rule, ``secondary`` what else must
be hidden, ``audit`` what a reader could still compute, ``differencing`` what two tables say
together. Nothing here reads a database or believes a figure that the desk did not recompute.
"""
