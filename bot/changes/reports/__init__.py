"""Reports on changes, locks and owed changes. Pure."""
