"""Raw text to rows: where records come from, how they are read, cleaned and audited.

Refuses to know: tokens, models and prompts. Nothing here imports torch.
"""
