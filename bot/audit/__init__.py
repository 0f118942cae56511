"""The audit log of a running bot: append, verify, search, export."""
