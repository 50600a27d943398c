"""Folders made once, whole or not at all, under a key of all that can change their content."""
