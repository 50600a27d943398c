"""A model folder and texts in, texts out: joins prompts, tokenizer, model and generation."""

from mtnlg.inference.prompts import PromptBuilder, TaskPrompt
from mtnlg.inference.text_generator import Generated, TextGenerator

__all__ = ["Generated", "PromptBuilder", "TaskPrompt", "TextGenerator"]
