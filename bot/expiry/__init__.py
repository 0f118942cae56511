"""Expiry of certificates: when a notice is due, and the notices that are open."""
