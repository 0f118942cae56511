"""Disks: how full they are."""
