"""Hosts: those that are added, suspended and removed, and what `host` shows."""
