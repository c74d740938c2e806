"""Turns word problems into OR-Tools programs and runs them."""
