"""PostgreSQL in depth, on two major versions."""
