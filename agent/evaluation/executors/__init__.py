"""Where evaluations run: on this machine, or wherever else an executor sends them."""
