"""One class a file format, written and read here."""
