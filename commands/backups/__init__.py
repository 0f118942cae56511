"""Backups of hosts and of the bot: made, listed, verified, pruned, restored."""
