"""Schedules: rows with cron lines; each due time is claimed once and run on behalf of its owner."""
