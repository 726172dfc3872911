"""The catalogue in and out: bureaus' spreadsheets, DCAT-AP JSON-LD, signed packages."""
