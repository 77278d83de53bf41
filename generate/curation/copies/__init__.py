"""Copies among inputs: two inputs are one where nothing differs between them that could change what they mean."""
