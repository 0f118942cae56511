"""Expiry of certificates: due notices, and open notices."""
