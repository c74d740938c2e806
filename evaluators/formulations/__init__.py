"""Formulations: trusted base models, what is proposed to strengthen them, and whether it is right and fast.

Every module here that defines `formulation = Formulation(...)` is one, found by its `name`, the module's own.
"""
