"""Reports on incidents. Pure."""
