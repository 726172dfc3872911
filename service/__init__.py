"""Every way in: composition root, HTTP API, session proxy, pages and command line."""
