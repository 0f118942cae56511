"""Slack's Web API and Socket Mode: the only importers of its libraries' clients."""
