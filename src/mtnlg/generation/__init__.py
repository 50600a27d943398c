"""Prompts of ids in, outputs of ids out: greedy, sampling and beam search; knows no text."""

from mtnlg.generation.batches import Batch, Output
from mtnlg.generation.engine import STRATEGIES, generate

__all__ = ["STRATEGIES", "Batch", "Output", "generate"]
