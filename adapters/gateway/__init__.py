"""The gateway of a host: its HTTP API."""
