"""Handlers for operations on the bot's own state: one module per noun, one table."""
