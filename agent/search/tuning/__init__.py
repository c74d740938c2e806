"""Constants of programs, tuned outside the model."""
