"""Rows and queries of incidents."""
