"""The bot's database: tables and the only SQL. Synchronous, in one thread."""
