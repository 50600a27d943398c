"""The nearest text by the cosine of TF-IDF vectors, through an inverted index.

Terms are the tokens of ROUGE: words, or characters in Chinese and Japanese. Legend: N indexed
texts, V terms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mtnlg.evaluation.metrics.tokenization import rouge_tokens
from mtnlg.evaluation.significance.bootstrap import FloatArray

IntArray = npt.NDArray[np.int64]

TIE_TOLERANCE = 1e-12
"""Cosines closer than this are equal: their sums differ only in the order of their terms."""


class SourceIndex:
    """Finds the indexed text that is most similar to a query."""

    def __init__(self, texts: Sequence[str], *, language: str) -> None:
        self._language = language
        self._terms: dict[str, int] = {}
        self._num_texts = len(texts)
        owners, terms, counts = self._count_terms(texts)
        frequency = np.bincount(terms, minlength=len(self._terms))
        self._weights = np.log((1 + len(texts)) / (1 + frequency)) + 1
        """Inverse document frequency (V,), smoothed as in scikit-learn."""
        values = counts * self._weights[terms]
        values /= np.sqrt(np.bincount(owners, weights=values**2, minlength=len(texts)))[owners]
        order = np.argsort(terms, kind="stable")
        self._owners, self._values = owners[order], values[order]
        self._starts = np.concatenate([[0], np.cumsum(frequency)])
        """The postings of term v are those from _starts[v] to before _starts[v + 1]."""

    def find_nearest(self, queries: Sequence[str]) -> Iterator[int]:
        """For each query the index of the most similar text, the lowest of several equal ones.

        It is 0 where no text shares a term with the query.
        """
        for query in queries:
            cosines = self._cosines(query)
            yield int(np.argmax(cosines >= cosines.max() - TIE_TOLERANCE))

    def _cosines(self, query: str) -> FloatArray:
        """Cosines (N,) but for the length of the query, which is the same for all texts."""
        cosines = np.zeros(self._num_texts)
        for token, count in Counter(rouge_tokens(query, self._language)).items():
            term = self._terms.get(token)
            if term is not None:
                postings = slice(self._starts[term], self._starts[term + 1])
                cosines[self._owners[postings]] += (
                    count * self._weights[term] * self._values[postings]
                )
        return cosines

    def _count_terms(self, texts: Sequence[str]) -> tuple[IntArray, IntArray, IntArray]:
        """Text, term and count of each pair that occurs, ordered by text, then by term."""
        owners: list[int] = []
        terms: list[int] = []
        counts: list[int] = []
        for owner, text in enumerate(texts):
            text_counts = Counter(
                self._terms.setdefault(token, len(self._terms))
                for token in rouge_tokens(text, self._language)
            )
            for term in sorted(text_counts):
                owners.append(owner)
                terms.append(term)
                counts.append(text_counts[term])
        return np.array(owners, np.int64), np.array(terms, np.int64), np.array(counts, np.int64)
