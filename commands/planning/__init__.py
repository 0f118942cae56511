"""Planning rules that several changes share: commit-confirm, host plans, impact."""
