"""Values of typed input: arguments, units, cron lines, normalized text."""
