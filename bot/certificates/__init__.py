"""Certificates: the ledger of all that were signed or seen, and the rotation of the CA."""
