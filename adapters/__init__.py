"""Connections to hosts: what can be reached, read and changed there."""
