"""What a newcomer meets first: the README and its table, runs that stay green, the first lines on the terminal."""
