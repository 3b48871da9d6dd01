"""Measures mcp-handoff: beside a bare SDK server, over many calls, and as its store grows."""
