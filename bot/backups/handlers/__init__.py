"""Handlers of the operations on backups and on copies of the CA key."""
