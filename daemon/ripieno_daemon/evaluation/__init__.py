"""Evaluation: how good a bundle's classifier is on labelled pictures, texts or numbers, and how sure one can be of it.

In:    a sealed bundle, a folder with labels.csv or a file for each split, the name of a split.
Out:   a Report: accuracy, intervals, confusion, the worst labels, times, verdicts over windows of pictures.
Never: a model in the calling process; a figure without its number of answers; what cannot be read counted as wrong.
Start: evaluate.py; table.py and labelled.py read the data; statistics.py has the figures.
"""

from .evaluate import evaluate
from .report import ByScore, ClassFigures, Report, WorstLabel

__all__ = ["ByScore", "ClassFigures", "Report", "WorstLabel", "evaluate"]
