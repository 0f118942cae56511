"""Services of certificates: the ledger, its survey, the rotation."""
