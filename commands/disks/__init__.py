"""Disks: their use."""
