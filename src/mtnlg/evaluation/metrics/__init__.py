"""One file for each family of metrics; `registry.py` joins them."""
