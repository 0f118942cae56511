"""Schedules: cron lines kept as rows, each due time claimed once and run as its owner."""
