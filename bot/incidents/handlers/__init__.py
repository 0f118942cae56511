"""Handlers of the operations on incidents, one module a verb."""
