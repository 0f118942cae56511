"""Services of schedules: the registry and the scheduler."""
