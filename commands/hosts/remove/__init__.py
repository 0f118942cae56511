"""Removing a host for good: its certificates are blocked everywhere, its keys wiped, its name kept as a tombstone."""
