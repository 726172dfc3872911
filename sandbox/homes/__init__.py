"""Work kept between sessions: sealed under the licence's key, opened under its terms only."""
