"""The transformer and its folder format. Knows ids and tensors, no text."""

from mtnlg.model.folder import load_model, save_model
from mtnlg.model.key_value_cache import KeyValueCache
from mtnlg.model.transformer import States, Transformer

__all__ = ["KeyValueCache", "States", "Transformer", "load_model", "save_model"]
