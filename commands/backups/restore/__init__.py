"""Restore of one part of a backup on the host that it was made of."""
