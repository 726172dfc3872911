"""Foreign spreadsheets (XLSX, CSV): read in a confined child, and text everywhere after it."""
