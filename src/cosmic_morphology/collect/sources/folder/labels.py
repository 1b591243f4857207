"""Which level of a tree of folders is the label: decided by the whole tree and the taxonomy."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from pathlib import PurePosixPath

from cosmic_morphology.taxonomy import Taxonomy

# Data sets often come already divided: such folders are no classes, whatever else their names say
# (``training_set``, ``test-images``, ``seg_train``, ``valid2``).
_SPLITS = frozenset({"train", "training", "val", "valid", "validation", "test", "testing", "dev"})
# So are these, which say that there are images and not of what.
_IMAGES = frozenset(
    {
        *("data", "dataset", "datasets", "images", "image", "imgs", "img", "pictures", "picture"),
        *("pics", "pic", "photos", "photo", "files", "folder", "jpg", "jpeg", "png", "fits"),
    }
)
_BESIDE_SPLITS = _IMAGES | {"set", "sets", "split", "seg", "samples", "raw", "a", "b"}
_NEGATIONS = frozenset({"not", "no", "non", "without"})
_WORDS = re.compile(r"[^\W\d_]+")
_SHOWN = 6


class FolderLabels:
    """The label that each image's folders give it.

    Folders of a ready-made split, and those called ``images`` or the like, count as not there, at
    any level. If the taxonomy knows names
    of folders (a class, one of its search words, in the plural, or negated), the level where it
    knows most images' folders is the label, and an image whose folder there is unknown takes
    the outermost one on its path that is known. Otherwise it is the outermost level at which the
    images part: a folder around all others is no class.

    Parameters
    ----------
    files : list of str
        Relative paths of all images.
    taxonomy : Taxonomy
        Whose names are looked for.
    """

    def __init__(self, files: list[str], taxonomy: Taxonomy) -> None:
        self._known = _names_of(taxonomy)
        self._clean: dict[tuple[str, ...], tuple[str, ...]] = {}
        folders = Counter(self._folders(file) for file in files)
        self.level = self._best_level(folders)
        self._labels = Counter(self(file) for file in files)

    def __call__(self, file: str) -> str:
        """Label of one image; empty where it lies in no class folder."""
        folders = self._folders(file)
        at = folders[self.level] if len(folders) > self.level else ""
        if not self.is_known(at):
            at = next((name for name in folders if self.is_known(name)), at)
        text = unicodedata.normalize("NFC", at.encode("utf-8", "replace").decode())
        return " ".join(text.split())

    def is_known(self, name: str) -> bool:
        """Whether the taxonomy knows a folder's name, or what it denies."""
        words = _words(name)
        if len(words) > 1 and words[0] in _NEGATIONS:
            words = words[1:]
        return bool(words) and " ".join(words) in self._known

    def labels_from(self) -> str:
        """Which level was taken, with the names found there, for the summary."""
        names = sorted(name for name in self._labels if name)
        if not names:
            return "no folders: the images came without labels"
        shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
        of = f"{len(names)} name{'s' if len(names) > 1 else ''}: {shown}"
        unnamed = f"; {self._labels['']} images lie in none" if self._labels[""] else ""
        aside = "without those of a split or called images"
        return f"folders of level {self.level + 1}, {aside} ({of}){unnamed}"

    def _folders(self, file: str) -> tuple[str, ...]:
        parts = PurePosixPath(file).parts[:-1]
        if parts not in self._clean:
            self._clean[parts] = tuple(part for part in parts if not is_no_class(part))
        return self._clean[parts]

    def _best_level(self, folders: Counter[tuple[str, ...]]) -> int:
        known: Counter[int] = Counter()
        for parts, images in folders.items():
            for level, name in enumerate(parts):
                if self.is_known(name):
                    known[level] += images
        if known:
            return min(known, key=lambda level: (-known[level], level))
        level = 0
        while _is_wrapped(folders, level):
            level += 1
        return level


def is_no_class(name: str) -> bool:
    """Whether a folder is a part of a ready-made split, or says only that images are in it."""
    words = set(_words(name))
    of_split = bool(words & _SPLITS) and words <= _SPLITS | _BESIDE_SPLITS
    return of_split or (bool(words) and words <= _IMAGES)


def _is_wrapped(folders: Counter[tuple[str, ...]], level: int) -> bool:
    """Whether one folder stands around all images at a level, and there are more below it."""
    names = {parts[level] if len(parts) > level else "" for parts in folders}
    return len(names) == 1 and "" not in names and all(len(parts) > level + 1 for parts in folders)


def _names_of(taxonomy: Taxonomy) -> frozenset[str]:
    found: set[str] = set()
    for name in (*taxonomy.names_with_reject, *taxonomy.class_of_word):
        text = " ".join(_words(name))
        found |= {text, f"{text}s", f"{text}es"}
        if text.endswith("y"):
            found.add(f"{text[:-1]}ies")
        if text.endswith("a"):
            found.add(f"{text}e")
    return frozenset(found - {""})


def _words(name: str) -> list[str]:
    """Words in small letters, parted at signs, digits and at capitals (``TrainSet``)."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in _WORDS.findall(parted)]
