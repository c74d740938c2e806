"""The verification ladder: is a formulation right?"""
