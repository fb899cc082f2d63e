"""The network and how it learns: one hidden layer, in numpy; a seed gives the same weights on one machine type.

    features (n, buckets) -> dense, ReLU (n, hidden) -> dense (n, labels) -> softmax

AdamW (Loshchilov & Hutter, ICLR 2019) under a cosine that ends at 0, cross entropy against soft targets, dropout of
features and of neurons. Weights stay small enough for int8 without a further term.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service_desk.questions import Sparse

Floats = NDArray[np.float32]
MEAN, SQUARE, TINY = 0.9, 0.999, 1e-8  # Adam's usual ones
WARM_UP_STEPS = 50


@dataclass(frozen=True)
class Net:
    """Weights: inward (buckets, hidden), outward (hidden, labels), and their biases."""

    inward: Floats
    inward_bias: Floats
    outward: Floats
    outward_bias: Floats

    def hidden(self, features: Floats) -> Floats:
        """Return what the neurons say, shape (n, hidden)."""
        return np.maximum(features @ self.inward + self.inward_bias, 0)

    def logits(self, features: Floats) -> Floats:
        """Return shape (n, labels)."""
        return self.hidden(features) @ self.outward + self.outward_bias


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a net learns. `rate`: of the first step after the warm-up; `drop_*`: share left out in each step."""

    buckets: int
    hidden: int
    epochs: int
    batch: int = 128
    rate: float = 3e-3
    drop_features: float = 0.3
    drop_neurons: float = 0.5


Example = Callable[[int, np.random.Generator], tuple[Sparse, Floats]]


def learn(
    examples: int, example: Example, labels: int, recipe: Recipe, seed: int, after_epoch: Callable[[int, Net], None]
) -> Net:
    """Return a trained net.

    Args:
        examples: how many there are; each is drawn once in an epoch.
        example: gives features and target (labels,) of one; may vary it.
        after_epoch: called with the number of the epoch, from 1, and the net as it is.
    """
    random = np.random.default_rng(seed)
    net = _first(recipe, labels, random)
    weights = (net.inward, net.inward_bias, net.outward, net.outward_bias)
    means, squares = [np.zeros_like(one) for one in weights], [np.zeros_like(one) for one in weights]
    steps, step = recipe.epochs * (examples // recipe.batch), 0
    for epoch in range(1, recipe.epochs + 1):
        order = random.permutation(examples)
        for start in range(0, examples - recipe.batch + 1, recipe.batch):
            step += 1
            drawn = [example(int(at), random) for at in order[start : start + recipe.batch]]
            features, targets = _batch(drawn, recipe, random)
            rate = recipe.rate * min(step / WARM_UP_STEPS, 0.5 + 0.5 * math.cos(math.pi * step / steps))
            gradients = _gradients(net, features, targets, recipe.drop_neurons, random)
            for weight, mean, square, gradient in zip(weights, means, squares, gradients, strict=True):
                mean *= MEAN
                mean += (1 - MEAN) * gradient
                square *= SQUARE
                square += (1 - SQUARE) * gradient * gradient
                up, down = mean / (1 - MEAN**step), np.sqrt(square / (1 - SQUARE**step)) + TINY
                weight -= rate * up / down
        after_epoch(epoch, net)
    return net


def softmax(logits: Floats) -> Floats:
    """Return shares, shape as given, adding up to 1 along the last axis."""
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), np.float32)


def _first(recipe: Recipe, labels: int, random: np.random.Generator) -> Net:
    """He's initial weights; features have norm 1, so the inward ones do not shrink with the number of buckets."""

    def drawn(rows: int, columns: int, deviation: float) -> Floats:
        return (random.standard_normal((rows, columns)) * deviation).astype(np.float32)

    deviation = math.sqrt(2 / recipe.hidden)
    return Net(
        drawn(recipe.buckets, recipe.hidden, deviation / 2),
        np.zeros(recipe.hidden, np.float32),
        drawn(recipe.hidden, labels, deviation),
        np.zeros(labels, np.float32),
    )


def _batch(drawn: list[tuple[Sparse, Floats]], recipe: Recipe, random: np.random.Generator) -> tuple[Floats, Floats]:
    features = np.zeros((len(drawn), recipe.buckets), np.float32)
    for row, ((places, values), _) in zip(features, drawn, strict=True):
        kept = random.random(len(places)) >= recipe.drop_features
        row[places[kept]] = values[kept] / (1 - recipe.drop_features)
    return features, np.stack([target for _, target in drawn])


def _gradients(
    net: Net, features: Floats, targets: Floats, drop: float, random: np.random.Generator
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return those of the mean cross entropy."""
    hidden = net.hidden(features)
    kept = (random.random(hidden.shape, dtype=np.float32) >= drop).astype(np.float32) / (1 - drop)
    thinned = hidden * kept
    at_logits = (softmax(thinned @ net.outward + net.outward_bias) - targets) / len(targets)
    at_hidden = (at_logits @ net.outward.T) * kept * (hidden > 0)
    return features.T @ at_hidden, at_hidden.sum(axis=0), thinned.T @ at_logits, at_logits.sum(axis=0)
