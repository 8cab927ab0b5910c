"""Tests of the watchers: Prometheus, alert rules, Alertmanager, logs and their index."""
