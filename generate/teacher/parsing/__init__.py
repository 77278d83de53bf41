"""Reading what an endpoint sends: the thought before a reply, error bodies, JSON objects in text."""
