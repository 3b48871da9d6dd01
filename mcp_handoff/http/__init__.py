"""HTTP: one process, three doors (MCP at /mcp and /sse, REST at /api), and what is in front."""
