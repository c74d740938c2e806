"""What to ask for, whom to descend from, what to keep: decisions only, no input or output."""
