"""The desk where AI agents and people hand work to one another."""

__version__ = "0.2.0"
