"""Who may: organisations, agreements, licences, and the Casbin decision."""
