"""Somebody else's predictions as rows of our own boards: `mtnlg import`.

Refuses to know: models. A system that is imported answered the same rows as ours, and is scored
like them; what it was trained on is not known.
"""
