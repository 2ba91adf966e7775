"""Events: what happened, in order."""
