"""Secrets, redaction and untrusted text."""
