"""The aggregate plan: from a checked syntax tree to bounded integers, a price and a noisy table.

Nothing here holds an engine, a key or an answer: a plan, its price and its refusals are functions
of the question and of policy alone (I14).
"""
