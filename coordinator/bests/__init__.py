"""Bests: the record programs of every scope, append-only."""
