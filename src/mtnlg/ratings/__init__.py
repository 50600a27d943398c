"""Human ratings of a board's outputs: sheets for raters, and what their answers say.

Plain Python on text. Refuses to know: how ratings look in a report (reporting/ratings.py).
"""
