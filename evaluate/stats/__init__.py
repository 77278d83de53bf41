"""Paired gains: bootstrap intervals, permutation tests, the minimum detectable effect."""
