"""What a gate rule file may say: how long a question may be, and which words it may use.

What is not named here is refused. Names are compared in lower case, as the engine does.
"""

from pydantic import Field

from policies.schema import RuleFile


class GateRules(RuleFile):
    """One gate rule file.

    The ``answer_…_max`` figures bound one answer and the time spent on it;
    ``refusals_logged_per_minute_max`` is how many refusals of one person get an entry each, the
    rest being counted together.

    ``bounded_arguments`` maps a function to the place (from 0) of an argument that must be a
    whole number written out, at most ``bounded_argument_max``: such functions can otherwise
    fill the memory of a worker from one row. ``argument_counts`` holds a function to one number
    of arguments. ``function_instead`` and ``type_instead`` name what stands on the lists for a
    word that does not; they allow nothing, they only help to word what would pass.
    """

    text_bytes_max: int = Field(ge=1, le=1 << 20)
    nesting_max: int = Field(ge=1, le=1_000)
    tree_depth_max: int = Field(ge=10, le=1_000)
    tree_nodes_max: int = Field(ge=100, le=1_000_000)
    answer_rows_max: int = Field(ge=1, le=100_000_000)
    answer_bytes_max: int = Field(ge=1, le=1 << 30)
    answer_seconds_max: int = Field(ge=1, le=3_600)
    refusals_logged_per_minute_max: int = Field(ge=1, le=10_000)
    types: frozenset[str] = Field(min_length=1)
    collations: frozenset[str]
    operators: frozenset[str] = Field(min_length=1)
    scalar_functions: frozenset[str] = Field(min_length=1)
    aggregate_functions: frozenset[str] = Field(min_length=1)
    window_functions: frozenset[str] = Field(min_length=1)
    bounded_arguments: dict[str, int]
    bounded_argument_max: int = Field(ge=1, le=1 << 20)
    argument_counts: dict[str, int] = Field(default_factory=dict)
    function_instead: dict[str, str] = Field(default_factory=dict)
    type_instead: dict[str, str] = Field(default_factory=dict)

    def allows_function(self, name: str) -> bool:
        """Tell whether a function or operator may stand in a plain expression."""
        return name in self.operators or name in self.scalar_functions or self.is_aggregate(name)

    def allows_window(self, name: str) -> bool:
        """Tell whether a function may stand before OVER."""
        return name in self.window_functions or self.is_aggregate(name)

    def is_aggregate(self, name: str) -> bool:
        """Tell whether a function makes one value of many rows."""
        return name in self.aggregate_functions
