"""HTTP: one process, three doors (MCP at /mcp and /sse, REST at /api), one guard in front."""
