"""MCP: the ten tools, resources and prompts over a Backend, and the way they are served."""
