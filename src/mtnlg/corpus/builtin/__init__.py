"""The built-in corpus: sentences, reports and dialogues made by rule from a small world."""
