"""The reference API: the guide's endpoints implemented for real, one process an instance (`python -m lab.api`)."""
