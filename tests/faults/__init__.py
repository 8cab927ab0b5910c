"""Every fault of the lab, proven against the checks."""
