"""Logs of many hosts: read, merged, shown, collected."""
