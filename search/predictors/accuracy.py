"""Predict a network's final accuracy, with its uncertainty, from trials so far.  Loads scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, Sum, WhiteKernel
from threadpoolctl import threadpool_limits

from search.predictors.evidence import Evidence
from search.predictors.features import weights

MOST_FITTED = 80  # trials that the kernel's scales are fitted to; the cost grows with the cube
MOST_KNOWN = 300  # trials that predictions rest on


class AccuracyPredictor:
    """A Gaussian process over standardised and weighted features, Matérn 5/2, with the noise between seeds.

    rows: features, one row per trial.  evidence: what each trial says.  kernel: of a predictor before, so that none is
    fitted. Deterministic: the same trials give the same predictions. Of more than `MOST_KNOWN` trials an even choice,
    in the order given, is used.
    """

    def __init__(self, rows: Sequence[Sequence[float]], evidence: Sequence[Evidence], kernel: Sum | None = None):
        keep = _evenly(len(rows), MOST_KNOWN)
        table = np.array([rows[index] for index in keep], float)
        known = [evidence[index] for index in keep]
        spread = np.where(table.std(0) > 0, table.std(0), 1.0)
        self.centre, self.scale = table.mean(0), spread / np.array(weights(table.shape[1]))
        z = np.array([item.z for item in known])
        self.mean, self.spread = float(z.mean()), float(z.std()) or 1.0
        inputs, targets = (table - self.centre) / self.scale, (z - self.mean) / self.spread
        variances = np.array([item.variance for item in known]) / self.spread**2
        with threadpool_limits(1):  # matrices are small: more threads only wait for each other
            self.kernel = kernel or _fitted_kernel(inputs, targets, variances)
            noise = float(self.kernel.k2.noise_level)
            self.process = _process(self.kernel.k1, variances + noise, optimizer=None)
            self.process.fit(inputs, targets)

    def predict(self, rows: Sequence[Sequence[float]]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of z for each row; the noise of a single training is not in the latter."""
        inputs = (np.array(rows, float) - self.centre) / self.scale
        with threadpool_limits(1):
            mean, deviation = map(np.asarray, self.process.predict(inputs, return_std=True))
        return self.mean + self.spread * mean, self.spread * deviation


def _evenly(count: int, most: int) -> list[int]:
    return list(range(count)) if count <= most else [round(i * (count - 1) / (most - 1)) for i in range(most)]


def _fitted_kernel(inputs: np.ndarray, targets: np.ndarray, variances: np.ndarray) -> Sum:
    """The kernel, noise included, whose scales make the trials most likely."""
    width = float(np.linalg.norm(weights(inputs.shape[1])))
    kernel = ConstantKernel(1.0, (0.05, 10)) * Matern(2 * width, (0.5 * width, 20 * width), nu=2.5) + WhiteKernel(
        0.1, (1e-3, 1.0)
    )
    keep = _evenly(len(inputs), MOST_FITTED)
    process = _process(kernel, variances[keep])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a scale at its bound says that there is no trend yet
        process.fit(inputs[keep], targets[keep])
    return cast(Sum, process.kernel_)


def _process(kernel: Any, variances: np.ndarray, **options: Any) -> GaussianProcessRegressor:
    """Of inputs that are each known with a variance of its own, which scikit-learn allows and its types do not."""
    return GaussianProcessRegressor(kernel, alpha=cast(Any, variances + 1e-8), **options)
