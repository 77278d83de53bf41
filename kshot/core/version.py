"""The version of kshot, which manifests and caches name."""

__version__ = "0.1.0"
