"""What comes from elsewhere: predictions of others as rows of our own boards (`mtnlg import`), and
how other tools would have measured them (`mtnlg doctor`).

Refuses to know: models. A system that is imported answered the same rows as ours, and is scored
like them; what it was trained on is not known.
"""
