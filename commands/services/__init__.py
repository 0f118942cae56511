"""Nebula and OpenResty: their state, start, stop and restart."""
