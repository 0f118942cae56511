"""Rules of hosts that are added or suspended. Pure."""
