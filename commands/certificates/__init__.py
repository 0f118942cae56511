"""Certificates and the CA: inventory, assessment, renewal; the rotation of the CA, and its key."""
