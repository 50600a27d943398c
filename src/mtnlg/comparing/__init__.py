"""Two runs beside each other: `mtnlg diff`.

Refuses to know: models and training. All it says is read from what the runs left behind.
"""
