"""Results as files to hand on: one page, figures, tables."""
