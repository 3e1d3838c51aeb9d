"""CKA by numpy and linear classifiers by scikit-learn, as numbers for the tests of @man/analysis.

python analysis_fixtures.py
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from files import write_atomically

TARGET = Path(__file__).resolve().parents[2] / "packages/analysis/src/fixtures/analysis.json"


def hsic_biased(k: np.ndarray, m: np.ndarray) -> float:
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(k @ h @ m @ h) / (n - 1) ** 2


def hsic_unbiased(k: np.ndarray, m: np.ndarray) -> float:
    """Song et al., "Feature Selection via Dependence Maximization", JMLR 2012, Eq. 5."""
    n = len(k)
    k, m = k - np.diag(np.diag(k)), m - np.diag(np.diag(m))
    one = np.ones(n)
    inner = np.trace(k @ m)
    outer = (one @ k @ one) * (one @ m @ one) / ((n - 1) * (n - 2))
    mixed = 2 / (n - 2) * (one @ k @ m @ one)
    return (inner + outer - mixed) / (n * (n - 3))


def cka(batches: list[tuple[np.ndarray, np.ndarray]], hsic) -> float:
    grams = [(x @ x.T, y @ y.T) for x, y in batches]

    def mean(pick):
        return np.mean([hsic(*pick(k, m)) for k, m in grams])

    return mean(lambda k, m: (k, m)) / np.sqrt(mean(lambda k, _: (k, k)) * mean(lambda _, m: (m, m)))


def similarity(rng: np.random.Generator) -> dict:
    """Features that share something, more of them than examples on one side, not centred."""
    common = rng.normal(size=(24, 3))
    x = (common @ rng.normal(size=(3, 40)) + rng.normal(size=(24, 40)) + 1.5).astype(np.float32)
    y = (common @ rng.normal(size=(3, 5)) * 2 + rng.normal(size=(24, 5)) - 0.7).astype(np.float32)
    a, b = x.astype(np.float64), y.astype(np.float64)
    ca, cb = a - a.mean(0), b - b.mean(0)
    norm = np.linalg.norm
    features_form = norm(cb.T @ ca) ** 2 / (norm(ca.T @ ca) * norm(cb.T @ cb))
    batches = [(a[i : i + 8], b[i : i + 8]) for i in range(0, 24, 8)]
    uneven = [(a[:16], b[:16]), (a[16:], b[16:])]
    assert abs(features_form - cka([(a, b)], hsic_biased)) < 1e-12
    return {
        "x": x.flatten().tolist(),
        "y": y.flatten().tolist(),
        "shapes": [list(x.shape), list(y.shape)],
        "biased": features_form,
        "unbiased": cka([(a, b)], hsic_unbiased),
        "batches": cka(batches, hsic_unbiased),
        "uneven": cka(uneven, hsic_unbiased),
        "biasedBatches": cka(batches, hsic_biased),
    }


def classification(rng: np.random.Generator) -> dict:
    """Three classes that overlap; logistic regression with a free bias, and with one that decays."""
    labels = rng.integers(0, 3, size=60)
    x = (rng.normal(size=(60, 4)) + np.eye(3, 4)[labels] * 1.5).astype(np.float32)
    penalty = 0.02
    settings = {"C": 1 / (len(x) * penalty), "tol": 1e-10, "max_iter": 10_000}
    free = LogisticRegression(**settings).fit(x.astype(np.float64), labels)
    wide = np.hstack([x.astype(np.float64), np.ones((len(x), 1))])
    decayed = LogisticRegression(fit_intercept=False, **settings).fit(wide, labels)
    return {
        "x": x.flatten().tolist(),
        "labels": labels.tolist(),
        "penalty": penalty,
        "free": {
            "weight": free.coef_.T.flatten().tolist(),
            "bias": free.intercept_.tolist(),
            "crossEntropy": log_loss(labels, free.predict_proba(x.astype(np.float64))),
            "predicted": free.predict(x.astype(np.float64)).tolist(),
        },
        "decayed": {
            "crossEntropy": log_loss(labels, decayed.predict_proba(wide)),
            "accuracy": decayed.score(wide, labels),
        },
    }


if __name__ == "__main__":
    rng = np.random.default_rng(11)
    fixture = {
        "similarity": similarity(rng),
        "classification": classification(rng),
        "versions": {"numpy": np.__version__, "scikit-learn": sklearn.__version__},
    }
    write_atomically(TARGET, (json.dumps(fixture) + "\n").encode())
