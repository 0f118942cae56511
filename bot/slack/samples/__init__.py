"""Samples of every message and view that the bot can send, made from invented values. Pure."""
