"""Formulations: trusted base models, what is proposed to strengthen them, and whether it is right and fast.

Every module here that defines `formulation = Formulation(...)` is one, under the module's own name.
"""
