"""Containers: what runs, and running, moving and removing them."""
