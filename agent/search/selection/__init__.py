"""What the next question is about: population, parents, bandits."""
