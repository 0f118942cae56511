"""Health of hosts: reads, judgments, disks, updates, and the report of a fleet."""
