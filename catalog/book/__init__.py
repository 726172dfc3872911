"""The one catalogue (一本账): drafts, papers, sign-off, review, versions, search, subscriptions."""
