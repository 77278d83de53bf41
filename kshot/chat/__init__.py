"""Talking to a model: the session, its commands, and the loop that reads lines."""
