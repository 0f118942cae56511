"""Backups, encrypted copies of CA keys and drills, as the bot knows them: rows from signed outcomes."""
