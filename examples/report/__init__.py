"""The demo's report: one self-contained HTML page made from the facts that the demo found."""
