"""How sure a score and a difference are: intervals, paired tests, seeds, power."""
