"""Slack: the only package that imports its libraries. Requests come in over Socket Mode; answers leave via the outbox."""
