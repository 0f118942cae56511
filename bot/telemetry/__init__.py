"""Health endpoints, metrics and the watchdog."""
