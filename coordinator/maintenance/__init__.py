"""Chores that nobody asks for; one per module, each safe to run on every replica."""
