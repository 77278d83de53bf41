"""Servers that kshot starts itself: a local model, and recorded replies."""
