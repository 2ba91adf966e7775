"""The steps of the loop, one module each: think, claim, run, judge, tell."""
