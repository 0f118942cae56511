"""Digests: the daily digest, the weekly and the monthly report, and the checks that they compare."""
