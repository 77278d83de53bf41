"""Reading what an endpoint sends: thoughts, error bodies, JSON objects and final answers in text."""
