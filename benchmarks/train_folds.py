"""Five folds on checked labels: scores with objects apart and with whole collections apart.

::

    python benchmarks/train_folds.py --sky DIR --weights FILE --backbone NAME --keep DIR \\
        --recipe finetune-deep --init-from linear-probe

A fold's test images are seen by nothing: an eighth of the groups of the other folds chooses the
epoch and the temperature. One model of seven classes (six and ``irrelevant``) is trained for each
fold; the six-class scores are those of its six classes on images of these. The models are also
asked about *shifted* test images (grey, blurred, noisy, small, strongly compressed, one of these
each) and about images of external folders that no fold has (each by one fold's model).
``--keep`` keeps the folds' runs, so that a killed benchmark goes on, what a frozen backbone sees,
and the answers, with which ``board.py`` compares recipes.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from fold_scores import SEED, TRUTH, WORDS, Scored
from rows import Row, emit
from shifting import shifted
from sklearn.model_selection import StratifiedGroupKFold
from sky_table import Sky

from cosmic_morphology.evaluate.shortcut_probe import probe
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn import (
    Recipe,
    TrainedModel,
    build_backbone,
    load_recipe,
    load_trained_model,
    train,
)
from cosmic_morphology.learn.models.presets import settings_of, timm_name
from cosmic_morphology.learn.models.split_backbone import split_backbone
from cosmic_morphology.learn.run_folder.folder import Run
from cosmic_morphology.settings import LearnSettings, OtherBackbone, RunJob
from cosmic_morphology.taxonomy import load_taxonomy

USUAL_PX = 224
N_FOLDS = 5
N_VAL_PARTS = 8
TARGETS = {
    ("objects", "six"): 0.90,
    ("collections", "six"): 0.86,
    ("objects", "seven"): 0.85,
    ("bodies", "six"): 0.92,
    ("bodies", "seven"): 0.89,
}
PRECISION_TARGETS = {"six": 0.98, "seven": 0.95}
RECORD_TARGETS = {
    ("objects", "six"): 0.95,
    ("collections", "six"): 0.92,
    ("objects", "seven"): 0.90,
    ("collections", "seven"): 0.88,
}


@dataclass
class Answers:
    """Probabilities of seven classes by images that the model has not learned from."""

    plain: np.ndarray
    shifted: np.ndarray
    strangers: np.ndarray
    records: np.ndarray
    told: dict[str, list[tuple[float, float, int]]] = field(default_factory=dict)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", type=Path, required=True, help="images with checked labels")
    parser.add_argument(
        "--weights", required=True, help="a safetensors file, 'pretrained' or 'random'"
    )
    parser.add_argument("--backbone", required=True)
    parser.add_argument(
        "--other", action="append", help="NAME=FILE of another backbone that the recipe names"
    )
    parser.add_argument("--recipe", default="multilayer-probe")
    parser.add_argument("--init-from", help="a recipe that is trained first")
    parser.add_argument("--labels", type=Path, help="a CSV to learn from, of labels_of_atlas.py")
    parser.add_argument(
        "--checked", action="store_true", help="with --labels: these images, checked labels"
    )
    parser.add_argument("--apart", choices=[*WORDS], action="append")
    parser.add_argument("--no-shifted", action="store_true", help="leave changed images out")
    parser.add_argument("--no-external", action="store_true", help="leave external folders out")
    parser.add_argument("--keep", type=Path, required=True, help="folder for the folds' runs")
    parser.add_argument("--size", type=int, default=USUAL_PX)
    parser.add_argument("--mean", type=float, nargs=3)
    parser.add_argument("--std", type=float, nargs=3)
    parser.add_argument("--limit", type=int, help="about so many images only")
    given = parser.parse_args()
    # A class with fewer groups than folds is missing in some: that is no news here.
    warnings.filterwarnings("ignore", message="The least populated class")
    table = Sky(given.sky, given.keep, given.limit)
    if given.labels:
        table.teach(given.labels, checked=given.checked)
    for apart in given.apart or ("objects", "collections"):
        groups = groups_of(table, apart)
        answers = out_of_fold(table, groups, apart, given)
        keep(table, answers, groups, apart, given)
        emit(rows_of(table, answers, groups, apart, given))


def groups_of(table: Sky, apart: str) -> dict[str, str]:
    """What the folds keep together."""
    if apart == "bodies":
        return table.bodies_by_copies()
    return table.object if apart == "objects" else table.collection


def out_of_fold(
    table: Sky, groups: dict[str, str], apart: str, given: argparse.Namespace
) -> Answers:
    """What each fold's model says of the images that it has not seen."""
    external = [] if given.no_external else table.strangers()
    strange = [ingest_image(file.read_bytes()).thumbnail for file, _, _ in external]
    n, k = len(table.ids), len(load_taxonomy().names_with_reject)
    found = Answers(
        np.zeros((n, k)), np.zeros((n, k)), np.zeros((len(strange), k)), np.zeros((n, k))
    )
    for fold, (learned, test) in enumerate(_folds(table, groups, N_FOLDS, np.arange(n))):
        _, val = next(iter(_folds(table, groups, N_VAL_PARTS, learned)))
        table.split = {table.ids[row]: "train" for row in learned}
        table.split |= {table.ids[row]: "val" for row in val}
        # The name of several backbones is too long for a run's; the recipe says which they are.
        net = "" if load_recipe(given.recipe).backbones else f"{_net(given).replace(' ', '-')}-"
        where = f"{net}{apart}-{fold}"
        if given.labels:
            where = f"{'checked-' if given.checked else ''}{given.labels.stem}-{where}"
        first = _trained(table, given.init_from, where, given) if given.init_from else None
        model = load_trained_model(_trained(table, given.recipe, where, given, first).path)
        seen = _seen(table, model, [table.ids[row] for row in test], given)
        found.plain[test] = model.predict_embeddings(seen)
        texts, _ = table.text_probabilities([table.ids[row] for row in test], model.classes)
        # The weights were learned on the fold's own training images.
        found.records[test] = model.fusion(found.plain[test], texts)
        if not given.no_shifted:
            thumbnails = [data for _, data in table.thumbnails([table.ids[row] for row in test])]
            changed = [shifted(data, number) for data, number in zip(thumbnails, test, strict=True)]
            found.shifted[test] = model.predict(changed)
        seen = seen.mean(1) if seen.ndim == 3 else seen
        if strange:
            found.strangers[fold::N_FOLDS] = model.predict(strange[fold::N_FOLDS])
        _tell(table, seen, test, found, "after")
        _tell(table, _before(table, given)[test], test, found, "before")
    return found


def _seen(table: Sky, model: TrainedModel, ids: list[str], given: argparse.Namespace) -> np.ndarray:
    """What the backbone sees; frozen stages look only once, whatever fold has trained the rest."""
    recipe = load_recipe(given.recipe)
    if recipe.trainable == "head":
        return np.concatenate(
            [_frozen(table, ids, learn, recipe) for learn in _all_learn(given, recipe)], -1
        )
    if recipe.trainable != "last_stages" or recipe.cached_views == 1:
        return model.embed([data for _, data in table.thumbnails(ids)])
    front, rest = split_backbone(model.network.backbone, recipe.stages, model.preprocessing.size_px)
    half = build_backbone(_learn(given))
    half.model, half.n_features = front, math.prod(front.shape)
    looked = table.views(
        table, ids, half, _learn(given), n_views=recipe.tta_views, crops=recipe.tta_crops
    ).vectors
    with torch.inference_mode():
        parts = [rest(torch.from_numpy(looked[k : k + 64])) for k in range(0, len(looked), 64)]
    return torch.cat(parts).numpy()


def _frozen(table: Sky, ids: list[str], learn: LearnSettings, recipe: Recipe) -> np.ndarray:
    backbone = build_backbone(learn, levels=recipe.multi_layer)
    return table.views(
        table, ids, backbone, learn, n_views=recipe.tta_views, crops=recipe.tta_crops
    ).vectors


def _all_learn(given: argparse.Namespace, recipe: Recipe) -> list[LearnSettings]:
    """The settings of each backbone of a recipe, in the order of its features."""
    learn = _learn(given)
    return [settings_of(learn, name) for name in recipe.backbones] or [learn]


def _trained(
    table: Sky, recipe: str, where: str, given: argparse.Namespace, first: Run | None = None
) -> Run:
    file = given.keep / f"{Path(recipe).stem}-seven.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'extends = "{recipe}"\ninclude_reject_class = true\n', "utf-8")
    after = f"-after-{given.init_from}" if first else ""
    job = RunJob(
        name=f"{Path(recipe).stem}{after}-{where}",
        recipe=str(file),
        init_from=first.name if first else "",
    )
    return train(
        table, job, learn=_learn(given), taxonomy=load_taxonomy(), seed=SEED, out=given.keep
    )


def _folds(
    table: Sky, groups: dict[str, str], parts: int, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    labels = np.array([table.label[table.ids[row]] for row in rows])
    apart = np.array([groups[table.ids[row]] for row in rows])
    folds = StratifiedGroupKFold(parts, shuffle=True, random_state=SEED)
    for learned, held in folds.split(rows, labels, apart):
        yield rows[learned], rows[held]


def _before(table: Sky, given: argparse.Namespace) -> np.ndarray:
    learn = _learn(given)
    return table.embeddings(table.ids, learn, build_backbone(learn), None)


def _tell(table: Sky, seen: np.ndarray, test: np.ndarray, found: Answers, when: str) -> None:
    ids = [table.ids[row] for row in test]
    told = probe(
        seen, [table.collection[each] for each in ids], [table.object[each] for each in ids],
        what="collection", resamples=10, seed=SEED,
    )  # fmt: skip
    if told:
        found.told.setdefault(when, []).append((told.accuracy.value, told.chance, len(ids)))


def keep(
    table: Sky, answers: Answers, groups: dict[str, str], apart: str, given: argparse.Namespace
) -> None:
    """Leave the answers for ``board.py``."""
    folder = given.keep / "answers"
    folder.mkdir(exist_ok=True)
    np.savez(
        folder / f"{_name(given).replace(' ', '_')}--{_net(given).replace(' ', '_')}--{apart}.npz",
        name=_name(given), backbone=_net(given), apart=apart, ids=table.ids,
        labels=[table.label[each] for each in table.ids],
        groups=[groups[each] for each in table.ids],
        plain=answers.plain, records=answers.records, shifted=answers.shifted,
        command=_command(given),
    )  # fmt: skip


def rows_of(
    table: Sky, answers: Answers, groups: dict[str, str], apart: str, given: argparse.Namespace
) -> list[Row]:
    """Macro-F1, F1 of each class, calibration and precision, of seven and of six classes."""
    names = load_taxonomy().names_with_reject
    targets = np.array([names.index(table.label[each]) for each in table.ids])
    units = np.array([groups[each] for each in table.ids])
    command = _command(given)
    found = []
    for kind, k in (("six", len(names) - 1), ("seven", len(names))):
        title = f"{_name(given)}, {_net(given)}, {kind} classes, {WORDS[apart]}, {TRUTH}"
        score = _scored(answers.plain, targets, units, k)
        found += [
            score.row(
                f"macro-F1: {title}",
                score.macro_f1,
                "macro-F1",
                TARGETS.get((apart, kind)),
                command,
            ),
            score.row(
                f"class-wise ECE: {title}", score.ece, "class-wise ECE", 0.02, command, "lower"
            ),
            score.row(
                f"precision at 80 % coverage: {title}",
                score.precision,
                "share",
                PRECISION_TARGETS[kind],
                command,
            ),
        ]
        if kind == "six":
            found += [
                score.row(f"F1 of {name}: {title}", score.f1_of(at), "F1", None, command)
                for at, name in enumerate(names[:k])
            ]
            if given.no_shifted:
                continue
            other = _scored(answers.shifted, targets, units, k)
            found.append(
                other.row(
                    f"macro-F1, shifted images: {title}",
                    other.macro_f1,
                    "macro-F1",
                    None,
                    command,
                )
            )
    found += _rows_of_records(answers, targets, units, apart, given)
    if not given.no_external:
        found += _rows_of_strangers(table, answers, apart, given)
    return found + _told(answers, apart, given)


def _rows_of_records(
    answers: Answers, targets: np.ndarray, units: np.ndarray, apart: str, given: argparse.Namespace
) -> list[Row]:
    """The same records answered from pixels and texts: rows of their own."""
    found = []
    for kind, k in (("six", 6), ("seven", 7)):
        score = _scored(answers.records, targets, units, k)
        title = (
            f"{_name(given)}, {_net(given)}, {kind} classes, {WORDS[apart]}, {TRUTH}, records "
            "answered from pixels and texts"
        )
        command = _command(given)
        found += [
            score.row(
                f"macro-F1: {title}",
                score.macro_f1,
                "macro-F1",
                RECORD_TARGETS.get((apart, kind)),
                command,
            ),
            score.row(f"precision at 80 % coverage: {title}", score.precision, "share",
                      0.99 if kind == "six" else None, command),
            score.row(f"class-wise ECE: {title}", score.ece, "class-wise ECE", 0.02, command,
                      "lower"),
        ]  # fmt: skip
    return found


def _rows_of_strangers(
    table: Sky, answers: Answers, apart: str, given: argparse.Namespace
) -> list[Row]:
    names = load_taxonomy().names_with_reject
    found = []
    for at, kind in ((1, "labels as strangers gave them"), (2, "checked labels")):
        labels = [row[at] for row in table.strangers()]
        known = np.array([label in names for label in labels])
        targets = np.array([names.index(label) if label in names else -1 for label in labels])
        # Nothing is known of what belongs together here: each image stands for itself.
        score = _scored(answers.strangers[known], targets[known], np.arange(int(known.sum())), 7)
        found.append(
            score.row(
                f"macro-F1, external folders: {_name(given)}, {_net(given)}, seven classes, "
                f"images of no fold, models of {WORDS[apart]}, {kind}",
                score.macro_f1,
                "macro-F1",
                None,
                _command(given),
            )
        )
    return found


def _told(answers: Answers, apart: str, given: argparse.Namespace) -> list[Row]:
    rows = []
    for when, folds in answers.told.items():
        accuracy, chance, n = np.array(folds).T
        rows.append(
            Row(
                f"collection told from the features {when} training (most frequent: "
                f"{np.average(chance, weights=n):.2f}; low, high: folds): {_name(given)}, "
                f"{_net(given)}, {WORDS[apart]}",
                round(float(np.average(accuracy, weights=n)), 4),
                round(accuracy.min(), 4),
                round(accuracy.max(), 4),
                int(n.sum()),
                "accuracy",
                None,
                "lower",
                _command(given),
            )
        )
    return rows


def _scored(chances: np.ndarray, targets: np.ndarray, units: np.ndarray, k: int) -> Scored:
    rows = np.flatnonzero(targets < k)
    part = chances[rows, :k]
    return Scored(part / part.sum(1, keepdims=True), targets[rows], units[rows])


def _name(given: argparse.Namespace) -> str:
    after = f" after {given.init_from}" if given.init_from else ""
    taught = ""
    if given.labels:
        kind = "checked" if given.checked else given.labels.stem
        taught = f", taught {kind} labels of the images in {given.labels.name}"
    return f"{Path(given.recipe).stem}{after}{taught}"


def _net(given: argparse.Namespace) -> str:
    several = load_recipe(given.recipe).backbones
    net = "+".join(map(timm_name, several)) if several else given.backbone
    return net if given.size == USUAL_PX else f"{net} at {given.size} px"


def _command(given: argparse.Namespace) -> str:
    after = f" --init-from {given.init_from}" if given.init_from else ""
    taught = f" --labels {given.labels.name}" if given.labels else ""
    taught += " --checked" if given.checked else ""
    few = "".join(f" --other {each.partition('=')[0]}=FILE" for each in given.other or ())
    few += f" --limit {given.limit}" if given.limit else ""
    few += " --no-shifted" if given.no_shifted else ""
    few += " --no-external" if given.no_external else ""
    few += f" --size {given.size}" if given.size != USUAL_PX else ""
    return (
        f"python benchmarks/train_folds.py --sky DIR --weights FILE --backbone {given.backbone} "
        f"--recipe {given.recipe}{after} --keep DIR{taught}{few}"
    )


def _learn(given: argparse.Namespace) -> LearnSettings:
    return LearnSettings(
        backbone=given.backbone,
        weights=given.weights,
        image_size_px=given.size,
        weights_mean=given.mean,
        weights_std=given.std,
        backbones={
            name: OtherBackbone(weights=file)
            for name, _, file in (each.partition("=") for each in given.other or ())
        },
    )


if __name__ == "__main__":
    main()
