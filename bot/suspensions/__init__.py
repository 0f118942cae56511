"""Suspended hosts as the bot remembers them: signed events, of which rows are copies."""
