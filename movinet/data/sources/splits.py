"""The words that lists, columns and folders have for splits, and the numbers of folds. Standard library only."""

from __future__ import annotations

import re

SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "validate", "validation", "valid", "dev", "eval", "evaluation"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
FILLERS = "sets?|lists?|splits?|data|videos?|clips?|folds?"  # what stands beside a split's word and says nothing
FOLD = r"(?:split|fold)[-_ ]?0*(\d+)|(?:list|train|test|val|valid|validation)[-_ ]?0*(\d+)$"


def split_of(text: str) -> str | None:
    """train, val or test of a split's name as it is written (Train, val_set, testlist01); "" of nothing, else None."""
    words = [word for word in map(_bare, re.split(r"[\W_\d]+", text.lower())) if word]
    if not words:
        return None if text.strip() else ""
    return SPLITS.get(words[0]) if len(words) == 1 else None


def split_in_name(name: str) -> str:
    """The split that a file's name holds as a word: kinetics_train_25fps-00000-of-00010, trainlist01.txt; or ""."""
    words = {_bare(word.strip("0123456789")) for word in re.split(r"[\W_]+", name.lower())}
    return next((split for word, split in SPLITS.items() if word in words), "")


def fold_in_name(stem: str) -> int | None:
    """The number of a fold at the end of a name or after the word split: trainlist01, hmdb51_val_split_1_videos."""
    found = re.search(FOLD, stem.lower())
    return int(found[1] or found[2]) if found else None


def _bare(word: str) -> str:
    return re.sub(f"(?:{FILLERS})$", "", word)
