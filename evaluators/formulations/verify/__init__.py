"""The verification ladder: checks whether a formulation is correct."""
