"""Incidents: their channels, hosts and times."""
