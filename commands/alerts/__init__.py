"""Alerts, their conditions, silences, and the judgments of the watch."""
