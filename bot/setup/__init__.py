"""`flatnet-bot init`: an interview that drafts a configuration."""
