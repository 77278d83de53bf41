"""Reports of an evaluation: terminal, Markdown, HTML, pictures."""
