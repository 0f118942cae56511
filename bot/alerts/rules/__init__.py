"""Rules of alerts: what becomes an alert, how it moves, who is notified. Pure."""
