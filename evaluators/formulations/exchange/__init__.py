"""Exchange between the sandboxed program and Gapsmith: solver models and their variables as text."""
