"""From the outbox to whoever is told."""
