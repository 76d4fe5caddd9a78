"""What a system wants beside the program: units, completions, a manual page. None of it is imported by it."""
