"""Scores of files of text, of any system: `mtnlg score`.

Reads hypotheses, references and sources that lie line by line beside each other, and gives a table
in which each number has its interval, its signature and the letters of its group. Plain Python on
text; refuses to know: runs and models.
"""
