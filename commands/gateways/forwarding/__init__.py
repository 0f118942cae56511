"""Forwarding of a host: the bridge and IP forwarding in WSL2, and Windows' route to the containers through WSL2."""
