"""The ledger of identities: every certificate that was signed or seen."""
