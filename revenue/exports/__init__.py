"""The ledger for other programs: Beancount, hledger, CSV; and the yearly disclosure's figures."""
