"""Rows and queries of the ledger and of rotations."""
