"""Rows of a table of checked labels that are doubtful themselves: who checks errs, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.curate.votes.label_model import is_of_all

# What a model that is less sure says is no objection; and one model alone errs too often.
_SURE = 0.9
_LEAST_MODELS = 2
_TEXTS = "texts"


@dataclass(frozen=True, slots=True)
class DoubtfulRow:
    """A checked label that somebody should look at again.

    Attributes
    ----------
    id, label : str
        The image, and what the table says of it.
    rather : str
        What speaks against it says.
    reason : str
        The copy under another label, or the models that are sure of another class.
    """

    id: str
    label: str
    rather: str
    reason: str


def doubtful_rows(
    rows: Sequence[Mapping[str, Any]], truth: Mapping[str, str], classes: Sequence[str]
) -> list[DoubtfulRow]:
    """Checked labels that copies of the image or several models contradict.

    Copies are those of ``duplicate_of``: if two of them have different labels, one label is wrong.
    Models are the image voter, the zero-shot voter, every run that has predicted, and the votes of
    the texts together; two of them that are sure (0.9) of the same other class are an objection.

    Parameters
    ----------
    rows : sequence of mapping
        ``id``, ``duplicate_of``, ``votes``, ``text_probabilities``, and of each run
        ``prediction_NAME`` and ``confidence_NAME``.
    truth : mapping of str to str
        The class that the table gives each id.
    classes : sequence of str
        The K classes, the reject class last.

    Returns
    -------
    list of DoubtfulRow
        By id; a row may be contradicted in both ways.
    """
    found = [*_copies(rows, truth), *_models(rows, truth, classes)]
    return sorted(found, key=lambda each: (each.id, each.reason))


def columns_of_models(there: Sequence[str]) -> list[str]:
    """Of the columns of an atlas those that :func:`doubtful_rows` reads beside the votes."""
    runs = [name.removeprefix("prediction_") for name in there if name.startswith("prediction_")]
    asked = [f"{part}_{run}" for run in sorted(runs) for part in ("prediction", "confidence")]
    return ["duplicate_of", "text_probabilities", *asked]


def _copies(rows: Sequence[Mapping[str, Any]], truth: Mapping[str, str]) -> Iterator[DoubtfulRow]:
    sets: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        sets[row["duplicate_of"] or row["id"]].append(row["id"])
    for ids in sets.values():
        for id_ in ids:
            other = next((each for each in ids if truth[each] != truth[id_]), "")
            if other:
                reason = f"{other}, a copy of it, is labelled {truth[other]}"
                yield DoubtfulRow(id_, truth[id_], truth[other], reason)


def _models(
    rows: Sequence[Mapping[str, Any]], truth: Mapping[str, str], classes: Sequence[str]
) -> Iterator[DoubtfulRow]:
    for row in rows:
        label = truth[row["id"]]
        against: dict[str, list[str]] = defaultdict(list)
        for model, said in _sure_models(row, classes).items():
            if said != label:
                against[said].append(model)
        if against:
            rather, models = max(against.items(), key=lambda each: len(each[1]))
            if len(models) >= _LEAST_MODELS:
                reason = f"{len(models)} models are sure of {rather}: {', '.join(sorted(models))}"
                yield DoubtfulRow(row["id"], label, rather, reason)


def _sure_models(row: Mapping[str, Any], classes: Sequence[str]) -> dict[str, str]:
    """What each model is sure of."""
    said = {
        each["voter"]: each["label"]
        for each in row["votes"] or ()
        if is_of_all(each) and each["weight"] >= _SURE
    }
    texts = row.get("text_probabilities")
    if texts and len(texts) == len(classes) and max(texts) >= _SURE:
        said[_TEXTS] = classes[texts.index(max(texts))]
    for name, value in row.items():
        run = name.removeprefix("prediction_")
        if run != name and value and (row.get(f"confidence_{run}") or 0.0) >= _SURE:
            said[f"run_{run}"] = value
    return said
