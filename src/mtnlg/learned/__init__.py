"""Learned metrics in PyTorch: COMET, CometKiwi and BERTScore, from models in local folders."""
