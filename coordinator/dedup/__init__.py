"""Measuring the dedup: labelled pairs and replays of real logs."""
