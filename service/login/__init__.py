"""Who is asking: logins by any OIDC issuer, login sessions of the pages, and recent logins."""
