"""What forges tell, read into our nouns: a forge a file."""
