"""PostgreSQL, which any number of processes on any number of machines share."""
