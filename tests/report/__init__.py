"""Tests of what renders a run."""
