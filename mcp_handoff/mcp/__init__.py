"""MCP: the tools, resources and prompts of the desk, and the ways they are served."""
