"""Reports on hosts. Pure."""
