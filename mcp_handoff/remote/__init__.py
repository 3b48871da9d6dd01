"""A backing API: AppHandoff's ticket API with the builds API, or another mcp-handoff's REST."""
