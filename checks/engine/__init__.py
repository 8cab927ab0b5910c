"""The engine: reads, judges and reports; an operator need not open it."""
