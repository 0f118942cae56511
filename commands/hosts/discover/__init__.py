"""Discovery: hosts that the fleet itself names, compared with those of the inventory. No discovered host is contacted."""
