"""Human ratings of a board's outputs: sheets for raters, and what their answers say."""
