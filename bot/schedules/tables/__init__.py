"""Rows and queries of schedules and their runs."""
