"""Services of alerts: the watch, the registry, the notifier, mutes."""
