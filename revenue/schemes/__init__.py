"""Distribution schemes: versions by two people, what counts, and how a pot is shared out."""
