"""Changing the CA: start, trust, sign, drop, abort."""
