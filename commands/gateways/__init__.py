"""Gateways: configuration, reload, peers, synchronization, escalation, routes."""
