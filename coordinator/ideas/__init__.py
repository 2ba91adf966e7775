"""Ideas: hypotheses published for somebody else to run."""
