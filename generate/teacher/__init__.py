"""The client of an LLM endpoint: requests, retries, concurrency, cache, budget, batches, a local server."""
