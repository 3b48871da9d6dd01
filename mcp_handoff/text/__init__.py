"""Texts: what they may hold, what of them is shown, which words they have and which secrets."""
