"""Insights: what was learned, with the experiments that show it."""
