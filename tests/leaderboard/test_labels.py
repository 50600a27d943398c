"""Labels that distinguish systems and fit into a table; expected ones are written out by hand."""

from __future__ import annotations

from mtnlg.leaderboard.labels import Identity, distinct_labels


def test_override_with_a_long_list_is_shown_by_its_first_word() -> None:
    joint, single = ("task=[translation/a,summarization/b,dialogue/c]",), ("task=translation/a",)

    labels = distinct_labels([Identity("m", overrides=joint), Identity("m", overrides=single)])

    assert labels == ["m · task=[translation/a, +2]", "m · task=translation/a"]


def test_lists_that_look_alike_when_short_are_labeled_by_their_runs() -> None:
    left, right = ("task=[a,b]",), ("task=[a,c]",)

    labels = distinct_labels(
        [Identity("m", overrides=left, runs=("r1",)), Identity("m", overrides=right, runs=("r2",))]
    )

    assert labels == ["m · run r1", "m · run r2"]


def test_other_overrides_are_shown_whole() -> None:
    first, second = ("model.sizes=[3]", "trainer.note='a,b'"), ("model.sizes=[4]",)

    labels = distinct_labels([Identity("m", overrides=first), Identity("m", overrides=second)])

    assert labels == ["m · model.sizes=[3] trainer.note='a,b'", "m · model.sizes=[4]"]


def test_aspects_that_differ_are_added_in_their_order_until_labels_are_unique() -> None:
    """Oracle: the order of Identity's fields."""
    labels = distinct_labels(
        [
            Identity("m", "greedy", ("a=1", "seed=1"), "trained", (1,), ("r1",)),
            Identity("m", "greedy", ("a=1", "seed=2"), "trained", (2, 3), ("r2",)),
            Identity("m", "greedy", ("a=1",), "external", (), ("r3",)),
            Identity("m", "beam5", ("a=1",), "trained", (1,), ("r4",)),
            Identity("n", "greedy"),
        ]
    )

    assert labels == [
        "m · greedy · trained · seed 1",
        "m · greedy · trained · seed 2, 3",
        "m · greedy · external",
        "m · beam5",
        "n",
    ]


def test_systems_that_differ_in_nothing_keep_one_label() -> None:
    assert distinct_labels([Identity("m", "greedy", runs=("r",))] * 2) == ["m", "m"]


def test_long_fractions_have_four_digits_where_that_is_enough() -> None:
    """Oracle: by hand; two rates that are equal in four digits stay whole, and whole numbers do."""
    rates = ["0.0012345678", "0.00025", "3.14159e-05", "0.98765432", "0.98765430", "123456"]

    labels = distinct_labels([Identity("m", overrides=(f"optimizer.x={rate}",)) for rate in rates])

    assert labels == [
        f"m · optimizer.x={rate}"
        for rate in ("0.001235", "0.00025", "3.142e-05", "0.98765432", "0.98765430", "123456")
    ]
