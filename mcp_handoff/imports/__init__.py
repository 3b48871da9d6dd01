"""Readers of what other trackers export: a tracker a file."""
