"""The transformer and its folder format; knows ids and tensors, no text."""

from mtnlg.model.flops import count_flops
from mtnlg.model.folder import load_model, save_model
from mtnlg.model.key_value_cache import KeyValueCache
from mtnlg.model.transformer import States, Transformer

__all__ = ["KeyValueCache", "States", "Transformer", "count_flops", "load_model", "save_model"]
