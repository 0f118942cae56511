"""Alerts in Slack: their messages and buttons. Pure."""
