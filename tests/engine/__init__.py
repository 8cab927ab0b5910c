"""Tests of the engine: judging, reading, the options, the run and its end."""
