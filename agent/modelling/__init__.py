"""Models from words: questions in, OR-Tools programs and their answers out."""
