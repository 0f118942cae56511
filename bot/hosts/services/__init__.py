"""Services of hosts that are added or suspended."""
