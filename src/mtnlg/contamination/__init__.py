"""Which test rows a training may have seen, and what repeats within a data set."""
