"""Evaluation: how good a bundle's model is on labelled pictures, with how sure one can be of it.

In:    a sealed bundle, a folder with labels.csv, the name of a split.
Out:   a Report: accuracy, intervals, confusion, times, verdicts over windows of pictures.
Never: a model in the calling process; a figure without its number of pictures; an unreadable picture counted as wrong.
Start: evaluate.py; labelled.py reads labels.csv; statistics.py has the figures.
"""

from .evaluate import evaluate
from .report import ClassFigures, Report

__all__ = ["ClassFigures", "Report", "evaluate"]
