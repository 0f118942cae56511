"""The composition root: builds the bot from its configuration, and rebuilds it on reload."""
