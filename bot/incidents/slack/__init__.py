"""Incidents in Slack: the status message and the forms. Pure."""
