"""Text to token ids and back, and how well a tokenizer fits a language."""
