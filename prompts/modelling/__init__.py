"""Templates of the prompts about word problems."""
