"""Digests and reports as values. Pure."""
