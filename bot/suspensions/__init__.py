"""Suspended hosts as the bot remembers them."""
