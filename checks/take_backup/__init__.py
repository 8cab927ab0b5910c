"""Take a backup that can be proven: a dump, its globals and a signed manifest of the same snapshot. See `--help`."""
