"""Prompts of ids in, outputs of ids out, by any decoding strategy. Knows no text."""
