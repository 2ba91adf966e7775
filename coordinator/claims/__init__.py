"""Claims: leases on experiments, at most one live at a time."""
