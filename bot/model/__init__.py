"""Values that several rooms exchange: requests, changes, announcements. Nothing else."""
