"""Checks of a host: what is read, and how it is judged."""
