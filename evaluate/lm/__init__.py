"""The language model that lm-eval asks: shared prefixes run once, or lm-eval's own backends."""
