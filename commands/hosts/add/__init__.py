"""Adding a host: its reservation, identity, configuration, start, peers, and its place in the inventory."""
