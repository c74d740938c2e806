"""The problems: one folder each, with the same names in every folder."""
