"""Containers: what runs, and running, stopping and removing them."""
