"""From receivable to payout: receipts, confirmations, distribution, wallets; two persons each."""
