"""Campaigns: research questions with a frozen harness."""
