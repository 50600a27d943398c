"""Raw text to cleaned rows: sources of records, their formats and shapes, cleaning and audit."""
