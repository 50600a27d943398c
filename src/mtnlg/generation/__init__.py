"""Prompts of ids in, outputs of ids out: greedy, sampling and beam search; knows no text."""

from mtnlg.generation.batches import Batch, Output
from mtnlg.generation.constraints import BannedTexts, TextRules
from mtnlg.generation.engine import STRATEGIES, generate, stream

__all__ = ["STRATEGIES", "BannedTexts", "Batch", "Output", "TextRules", "generate", "stream"]
