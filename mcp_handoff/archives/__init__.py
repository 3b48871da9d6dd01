"""Archives: a whole store as lines of JSON, which any database can take in."""
