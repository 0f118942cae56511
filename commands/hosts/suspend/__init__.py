"""Suspension of a host for maintenance, and its resume."""
