"""Rows and queries of alerts, mutes and traffic."""
