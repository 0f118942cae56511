"""Alerts: the watch, the life of alerts, routes, silences and maintenance."""
