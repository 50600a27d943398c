"""From token arrays to a model folder, with Lightning."""

from mtnlg.training.fit import TrainingData, train_model

__all__ = ["TrainingData", "train_model"]
