"""Digests and periodic reports, made from observations and changes."""
