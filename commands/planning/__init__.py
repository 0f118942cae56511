"""Planning rules that several changes share: commit-confirm and impact."""
