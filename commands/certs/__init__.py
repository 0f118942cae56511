"""Certificates and the CA: inventory, assessment, renewal."""
