"""Checks of a host: reads and judgments, and the report of a fleet."""
