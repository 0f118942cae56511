"""Restore and move of the bot's own database, while no bot runs."""
