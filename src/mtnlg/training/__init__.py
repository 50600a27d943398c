"""Token arrays in, a model folder out, with Lightning."""

from mtnlg.training.fit import TrainingData, train_model

__all__ = ["TrainingData", "train_model"]
