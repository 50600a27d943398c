"""One file a family of metrics; `registry.py` joins them."""
