"""Rules of the ledger and of the rotation. Pure."""
