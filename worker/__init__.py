"""The worker: the volunteer's side, which thinks, trains, judges and tells."""
