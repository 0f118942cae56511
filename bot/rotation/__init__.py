"""The change of the CA that is under way, and how far each host has come: rows from signed outcomes and readings."""
