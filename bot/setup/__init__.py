"""`flatnet-bot init`: an interview, and the configuration that it writes."""
