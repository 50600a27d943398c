"""Scores of runs as ranked boards."""
