"""Slack: the only package that knows its libraries. Words come in over Socket Mode, answers leave through the outbox."""
