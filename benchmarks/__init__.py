"""Measures mcp-handoff: beside a bare SDK server over stdio, and as its store grows."""
