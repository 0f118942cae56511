"""Health endpoints, metrics, the watchdog and the heartbeat."""
