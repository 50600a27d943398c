"""A checkpoint of others as a model folder of ours: the same logits, and a few more tokens."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from mtnlg.errors import ArtifactError, ConfigError
from mtnlg.interop.checkpoint import Checkpoint, open_checkpoint
from mtnlg.model import Transformer, save_model
from mtnlg.model.folder import write_license
from mtnlg.model.initial import BY_TOKEN
from mtnlg.records.files import write_text
from mtnlg.records.places import CHAT_TEMPLATE_FILE
from mtnlg.tokenization.tokenizer import ENDS, PAD, SEPARATOR, TOKENIZER_FILE, TextTokenizer


def convert(path: Path, folder: Path) -> None:
    """Write config.json, model.safetensors, tokenizer.json and, where there is one, the chat
    template and a card with the license; raises ArtifactError or ConfigError naming the file and
    what is wrong with it.
    """
    checkpoint = open_checkpoint(path)
    config = checkpoint.family.read(checkpoint.config, path=path)
    tokenizer, num_tokens = read_tokenizer(checkpoint)
    with torch.device("meta"):
        model = Transformer(config, tokenizer.vocabulary_size)
    state = read_weights(checkpoint, model, num_tokens)
    model.load_state_dict(state, strict=not config.is_embedding_tied, assign=True)
    if config.is_embedding_tied:
        model.unembedding.weight = model.token_embedding.weight
    save_model(folder, model)
    tokenizer.save(folder / TOKENIZER_FILE)
    if checkpoint.chat_template is not None:
        write_text(folder / CHAT_TEMPLATE_FILE, checkpoint.chat_template)
    write_license(folder, checkpoint.license)


def read_tokenizer(checkpoint: Checkpoint) -> tuple[TextTokenizer, int]:
    """Their tokenizer with those of our special tokens that it lacks, after all others, and how
    many tokens were theirs. The end stays theirs if it is a usual one.
    """
    try:
        theirs = Tokenizer.from_str(checkpoint.tokenizer)
    except Exception as error:  # tokenizers raises bare Exception for any broken file
        raise ArtifactError(f"{checkpoint.path}: not a tokenizer ({error})") from None
    vocabulary = theirs.get_vocab()
    num_tokens = len(vocabulary)
    if max(vocabulary.values(), default=-1) != num_tokens - 1:
        raise ConfigError(f"{checkpoint.path}: the ids of its {num_tokens} tokens have gaps")
    if "ByteLevel" not in str(theirs.decoder) and "<0x0A>" not in vocabulary:
        raise ConfigError(
            f"{checkpoint.path}: the decoder of its tokenizer is {theirs.decoder}; our models need "
            "one of bytes (ByteLevel or ByteFallback)"
        )
    usual_end = next((name for name in ENDS if name in vocabulary), None)
    has_end = usual_end is not None and checkpoint.end_token in (usual_end, None)
    theirs.add_special_tokens([PAD, SEPARATOR, *([] if has_end else ENDS[:1])])
    return TextTokenizer(theirs), num_tokens


def read_weights(checkpoint: Checkpoint, model: Transformer, num_tokens: int) -> dict[str, Tensor]:
    """The model's weights. Rows beyond the tokenizer's tokens are left out; a new token has the
    mean of all rows (Hewitt 2021).
    """
    family, state = checkpoint.family, dict(model.state_dict())
    if model.config.is_embedding_tied:
        del state["unembedding.weight"]
    wanted = {ours: family.their_names(ours) for ours in state}
    known = {checkpoint.name_in_file(name) for names in wanted.values() for name in names}
    if model.config.is_embedding_tied:  # written by some although it is the embedding
        known.add(checkpoint.name_in_file(family.their_names("unembedding.weight")[0]))
    missing = sorted(
        name
        for names in wanted.values()
        for name in names
        if checkpoint.name_in_file(name) not in checkpoint.names
    )
    for problem, names in (("missing", missing), ("unknown", sorted(checkpoint.names - known))):
        if names:
            raise ArtifactError(
                f"{checkpoint.path}: {len(names)} tensors of {family.architecture} are {problem}, "
                f"as {names[0]}; is config.json of another model?"
            )
    for ours, names in wanted.items():
        parts = [checkpoint.read(name) for name in names]
        parts = [part.T if family.is_transposed(ours) else part for part in parts]
        tensor = parts[0] if len(parts) == 1 else torch.cat(parts)
        if ours in BY_TOKEN:
            tensor = _fit_tokens(tensor, num_tokens, len(state[ours]), checkpoint.path)
        if tensor.shape != state[ours].shape:
            shape, needed = (" x ".join(map(str, weight.shape)) for weight in (tensor, state[ours]))
            raise ArtifactError(
                f"{checkpoint.path}: {' + '.join(names)} is {shape}; the configuration needs "
                f"{needed}"
            )
        state[ours] = tensor.contiguous()
    return state


def _fit_tokens(rows: Tensor, num_tokens: int, vocabulary_size: int, path: Path) -> Tensor:
    if len(rows) < num_tokens:
        raise ArtifactError(
            f"{path}: its tokenizer has {num_tokens} tokens, the embedding only {len(rows)} rows; "
            "they are not of the same model"
        )
    rows = rows[:num_tokens]
    return torch.cat([rows, rows.mean(dim=0).expand(vocabulary_size - num_tokens, -1)])
