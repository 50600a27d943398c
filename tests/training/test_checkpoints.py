"""Checkpoints on disk: which of them a resumed training takes, whatever became of the newest."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtnlg.training.checkpoints import (
    AtomicCheckpointIO,
    checkpoint_path,
    find_checkpoints,
    newest_sound_checkpoint,
    save_best,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Checkpoints of three steps, each with its step as its weight."""
    for step in (3, 6, 12):
        AtomicCheckpointIO().save_checkpoint(
            {"weight": torch.tensor([float(step)])}, checkpoint_path(tmp_path, step)
        )
    return tmp_path


def damage(path: Path, kind: str) -> None:
    record = path.with_suffix(".json")
    if kind == "no record":
        record.unlink()
    elif kind == "torn record":
        record.write_bytes(record.read_bytes()[:9])
    elif kind == "empty record":
        record.write_text("{}")
    elif kind == "torn":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.write_bytes(b"")


DAMAGES = ("no record", "torn record", "empty record", "torn", "empty")


def test_newest_checkpoint_is_taken_and_read_again(folder: Path) -> None:
    """Oracle: the step that each holds."""
    newest = newest_sound_checkpoint(folder)

    assert newest is not None
    assert newest[0] == 12
    assert AtomicCheckpointIO().load_checkpoint(newest[1])["weight"].item() == 12


@pytest.mark.parametrize("second", [None, *DAMAGES])
@pytest.mark.parametrize("first", DAMAGES)
def test_damaged_checkpoints_are_passed_over_for_older_ones(
    folder: Path, capsys: pytest.CaptureFixture[str], first: str, second: str | None
) -> None:
    """Oracle: the newest that nobody damaged; each of the others is named."""
    damage(checkpoint_path(folder, 12), first)
    if second is not None:
        damage(checkpoint_path(folder, 6), second)

    newest = newest_sound_checkpoint(folder)

    expected = 6 if second is None else 3
    assert newest == (expected, checkpoint_path(folder, expected))
    said = capsys.readouterr().err
    assert said.count("checkpoint passed over") == 1 + (second is not None)
    assert "step-00000012" in said


def save_with_best(folder: Path, step: int, best_step: int) -> None:
    """A checkpoint as a trainer writes it, for which other weights were the best."""
    state = {"callbacks": {"Snapshots": {"best_step": best_step}}}
    AtomicCheckpointIO().save_checkpoint(state, checkpoint_path(folder, step))


@pytest.mark.parametrize(("step", "expected"), [(3, 2), (6, 3), (12, 6), (15, 12)])
def test_checkpoints_that_need_damaged_best_weights_are_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: int, expected: int
) -> None:
    """Oracle: one from before the step of the best weights, which then are written again."""
    save_with_best(tmp_path, 2, 0)  # before the first validation
    for earlier in (3, 6, 12):
        save_with_best(tmp_path, earlier, min(earlier, step))
    save_best(tmp_path, {"weight": torch.tensor([float(step)])}, step=step)
    flip(tmp_path / "best.safetensors")

    newest = newest_sound_checkpoint(tmp_path)

    assert newest == (expected, checkpoint_path(tmp_path, expected))
    words = capsys.readouterr().err
    assert words.count("best.safetensors is corrupt: sha256") == {3: 3, 6: 2, 12: 1, 15: 0}[step]
    assert newest_sound_checkpoint(tmp_path) == newest


@pytest.mark.parametrize("gone", [["best.json"], ["best.safetensors", "best.json"]])
def test_best_weights_of_no_known_step_are_needed_after_each_validation(
    tmp_path: Path, gone: list[str]
) -> None:
    """Oracle: the checkpoint from before the first validation."""
    for step, best_step in ((2, 0), (3, 3), (6, 6)):
        save_with_best(tmp_path, step, best_step)
    save_best(tmp_path, {"weight": torch.tensor([6.0])}, step=6)
    for name in gone:
        (tmp_path / name).unlink()

    assert newest_sound_checkpoint(tmp_path) == (2, checkpoint_path(tmp_path, 2))


def test_checkpoints_that_need_damaged_weights_of_a_mean_are_passed_over(folder: Path) -> None:
    """Oracle: the checkpoint before them."""
    for step in (3, 6, 12):
        path = checkpoint_path(folder, step, kind="weights")
        AtomicCheckpointIO().save_checkpoint({}, path)
    flip(checkpoint_path(folder, 6, kind="weights"))

    newest = newest_sound_checkpoint(folder)

    assert newest == (3, checkpoint_path(folder, 3))


def flip(path: Path) -> None:
    """Change one bit in the middle of a file."""
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def test_nothing_is_resumed_where_every_checkpoint_is_damaged(folder: Path) -> None:
    """Oracle: none is left."""
    for (step, path), kind in zip(find_checkpoints(folder), DAMAGES, strict=False):
        assert path == checkpoint_path(folder, step)
        damage(path, kind)

    assert newest_sound_checkpoint(folder) is None
    assert newest_sound_checkpoint(folder / "nowhere") is None


def test_leftovers_of_a_killed_write_go_and_other_files_stay(folder: Path) -> None:
    """Oracle: the names, newest step first; a step of more digits is newer than all."""
    (folder / ".step-00000015.ckpt.77.tmp").write_bytes(b"half")
    for name in ("weights-00000099.ckpt", "step-x.ckpt", "step-00000099.ckpt.bak", "notes.txt"):
        (folder / name).write_bytes(b"")
    AtomicCheckpointIO().save_checkpoint({}, checkpoint_path(folder, 123_456_789))

    steps = [step for step, _ in find_checkpoints(folder)]

    assert steps == [123_456_789, 12, 6, 3]
    assert not [path for path in folder.iterdir() if path.suffix == ".tmp"]
    assert (folder / "notes.txt").exists()


def test_removed_checkpoint_takes_its_record_along(folder: Path) -> None:
    """Oracle: the files that are left."""
    AtomicCheckpointIO().remove_checkpoint(checkpoint_path(folder, 6))
    AtomicCheckpointIO().remove_checkpoint(checkpoint_path(folder, 7))

    assert sorted(path.name for path in folder.iterdir()) == [
        f"step-{step:08d}.{kind}" for step in (3, 12) for kind in ("ckpt", "json")
    ]


def test_failed_write_leaves_the_older_checkpoint_and_nothing_else(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: the folder's files before; the disk is full half way."""

    def fail(_: object, stream: object) -> None:
        stream.write(b"half")  # type: ignore[attr-defined]
        raise OSError("no space left")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(torch, "save", fail)

    with pytest.raises(OSError, match="no space left"):
        AtomicCheckpointIO().save_checkpoint({}, checkpoint_path(folder, 12))

    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
