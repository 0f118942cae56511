"""The gateway of a lab host: its HTTP API with its quirks."""
