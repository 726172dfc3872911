"""Who is paid: usage, tariffs, shares, the ledger and its statements."""
