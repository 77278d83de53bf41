"""Suites of held-out tasks: the format, the reader, and those that ship with kshot."""
