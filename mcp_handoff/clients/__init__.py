"""Clients of MCP: where each lists its servers, and how an entry for this one reads there."""
