"""What the HTML pages share: their look, and the guards against hostile text in them."""
