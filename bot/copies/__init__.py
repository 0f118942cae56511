"""Copies of the bot over one database: which of them may lead, and what each of them shows."""
