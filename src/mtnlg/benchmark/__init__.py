"""mtnlg beside its peers on one machine: speed in alternation, after their results are compared."""
