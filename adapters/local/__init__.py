"""Actions on the bot itself: its data folder and its own rows, as steps of a plan."""
