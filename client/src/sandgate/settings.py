"""What a notebook may switch off: ``sandgate.settings.charts = False``."""

from dataclasses import dataclass


@dataclass
class Settings:
    """How results are shown.

    ``charts`` draws the first figure of a small aggregate beside its table; ``progress`` shows a
    line beneath a cell while a long answer of rows is on its way.
    """

    charts: bool = True
    progress: bool = True


settings = Settings()
