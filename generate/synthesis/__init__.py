"""What the teacher writes, a module a method, and how it is checked."""
