"""What a language, a word and a harmless text are."""
