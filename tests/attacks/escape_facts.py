"""What the host told the probes there is to reach: the first argument, as JSON."""

import json
import sys
from typing import Any

FACTS: dict[str, Any] = json.loads(sys.argv[1])
