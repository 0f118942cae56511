"""Changes that are owed to hosts: left by a run, asked for when the host answers again, settled or dropped."""
