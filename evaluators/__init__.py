"""Problems, instances, verifiers, exact baselines and scoring: the trusted side of the sandbox."""
