"""Nebula certificates as values: PEM, protobuf (version 1), DER (version 2)."""
