"""Diagnosis: checks of the bot, its machine and its hosts, as one report."""
