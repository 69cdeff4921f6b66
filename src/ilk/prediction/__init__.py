"""Predictions: means for these clusters, a typical one or the population; random effects."""

from __future__ import annotations

from ilk.prediction.joint_covariance import JointCovariance, joint_covariance
from ilk.prediction.levels import Cases, Estimand, NewLevels, training_cases
from ilk.prediction.new_data import new_cases, new_response
from ilk.prediction.predict import Interval, Prediction, Scale, predict
from ilk.prediction.random_effects import LevelEffects, random_effects
from ilk.prediction.update import updated

__all__ = [
    "Cases",
    "Estimand",
    "Interval",
    "JointCovariance",
    "LevelEffects",
    "NewLevels",
    "Prediction",
    "Scale",
    "joint_covariance",
    "new_cases",
    "new_response",
    "predict",
    "random_effects",
    "training_cases",
    "updated",
]
