"""What every part uses: errors, data types, files, runs, seeded streams, text, prompts, the console."""
