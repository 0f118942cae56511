"""Requests: parsed, authorized, audited and dispatched."""
