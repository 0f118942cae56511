"""The gateway side, against the API of the lab."""
