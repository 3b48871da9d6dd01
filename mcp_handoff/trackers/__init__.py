"""Other trackers: what they export, a tracker a file, as tickets that come in."""
