"""REST: the seeds' four endpoints and what they need around them, over the same Backend."""
