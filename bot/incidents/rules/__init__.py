"""Rules of incidents: every decision, without I/O. Pure."""
