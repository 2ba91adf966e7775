"""The history: every experiment, claimed or done, good or bad."""
