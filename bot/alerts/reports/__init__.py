"""Reports on alerts, silences and maintenance. Pure."""
