"""Operations on changes, and what the plans of all changes share: host plans, commit-confirm, impact, evidence."""
