"""Hosts that are being added, before anything runs on them: ids that are reserved, and identities that are pinned."""
