"""Where evaluations run.

On this machine, or wherever else an executor sends them.
"""
