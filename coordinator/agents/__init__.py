"""Identities: who may write, and who did."""
