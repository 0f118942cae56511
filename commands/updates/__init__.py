"""Pending security updates."""
