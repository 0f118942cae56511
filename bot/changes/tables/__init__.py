"""Rows and queries of operations, claims, locks, rehearsals and owed changes."""
