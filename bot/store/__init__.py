"""The bot's memory: tables and the only SQL. Synchronous, in one thread."""
