"""The search for formulations.

Trusted base models, additions to them, their verification and their speed.

The base models themselves are in the folders of their problems; see `catalogue`.
"""
