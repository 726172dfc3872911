"""The confined DuckDB workers and the pool that starts, feeds, stops and replaces them."""
