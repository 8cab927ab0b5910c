"""Measurements of the suite against its targets, each side by side with what it is compared to, in one run."""
