"""What a run will take before it is run: tokens, steps, memory, time and the teacher's price."""
