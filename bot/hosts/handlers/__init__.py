"""Handlers of the operations on hosts."""
