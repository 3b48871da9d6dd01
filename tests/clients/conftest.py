"""What the tests of clients can ask for."""

from tests.clients.installing import home

__all__ = ["home"]
