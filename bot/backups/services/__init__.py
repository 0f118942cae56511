"""Services of backups: the registry, verification, drills, the offsite folder."""
