"""Reading what an endpoint sends: error bodies, dialects and JSON objects in text."""
