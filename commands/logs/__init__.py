"""Logs of many hosts: read, merge, render, collect."""
