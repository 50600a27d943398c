"""Test rows that training may have seen, and repeats within a data set."""
