"""Plain text that is longer than a context, as several examples, so that none of it is lost.

This is done here and not by a reader, because only the training knows both the ids and the context.
A piece is trained on like a paragraph: it opens with the marker and closes with the end.
"""

from __future__ import annotations

import numpy as np

from mtnlg.errors import DataError
from mtnlg.tokens import TokenSplit


def cut_into_pieces(tokens: TokenSplit, longest: int, *, title: str) -> TokenSplit:
    """The same ids, each target longer than `longest` cut into examples of that many and a rest.

    Raises DataError where a row has a source, which language modelling would not read.
    """
    blocks = []
    for first, sources, targets in tokens.length_blocks():
        if sources.any():
            raise DataError(
                f"{title}: example {first + int(np.flatnonzero(sources)[0])} has a source, but "
                "language modelling reads plain text; give the task a reader such as paragraphs, "
                "or another kind"
            )
        num_pieces = np.maximum(-(-targets // longest), 1)
        ordinals = np.arange(num_pieces.sum()) - np.repeat(
            np.cumsum(num_pieces) - num_pieces, num_pieces
        )
        bounds = np.asarray(tokens.ends[first : first + len(targets)])
        starts = np.repeat(bounds[:, 0], num_pieces) + ordinals * longest
        ends = np.minimum(starts + longest, np.repeat(bounds[:, 1], num_pieces))
        blocks.append(np.stack([starts, ends], axis=1).astype(np.int64))
    return TokenSplit(tokens.ids, np.concatenate(blocks))
