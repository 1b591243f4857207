"""The settings that ``cosmic start`` works out from a folder, and the file that keeps them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from cosmic_morphology.collect.sources.folder.source import open_folder
from cosmic_morphology.curate.votes.source_voters import class_of_text
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.pipeline.default_runs import default_runs
from cosmic_morphology.settings import ImportJob, LearnSettings, Settings, load_settings
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

SETTINGS_FILE = "cosmic.toml"
TAXONOMY_FILE = "taxonomy.toml"
_SECTIONS = ("seed", "imaging", "curate", "split", "learn", "evaluate")
_MOST_CLASSES = 100
# Without a GPU, last stages learn from so many images within minutes.
_MOST_FINETUNED = 300


def default_out(folder: Path) -> Path:
    """Where results go without ``--out``: never inside the images that are imported."""
    place = folder.resolve()
    name = f"{_name_of(place)}-cosmic"
    here = Path.cwd()
    return place.parent / name if here.is_relative_to(place) else Path(name)


def settings_for_folder(
    folder: Path,
    out: Path,
    *,
    base: Settings,
    learn: LearnSettings,
    hub: Callable[[], bool] = lambda: False,
    csv: Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Settings:
    """The settings of an earlier start in ``out``, or new ones, written to ``out/cosmic.toml``.

    Parameters
    ----------
    folder : Path
        Class folders, a folder with a table, or a zip.
    out : Path
        Atlas, runs, report and settings go there.
    base : Settings
        Seed, taxonomy and the sections on curating, splitting and the like are taken from it.
    learn : LearnSettings
        Backbone and weights.
    hub : callable
        Whether weights of a second backbone may be downloaded; asked only if it matters.
    csv, columns
        As :func:`cosmic_morphology.collect.import_folder.import_folder` has them.

    Raises
    ------
    UsageError
        ``out`` lies inside the folder, or holds the settings of another one.
    InputError
        There are no images in the folder.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise UsageError(
            "the results would go into the folder of the images, and be imported the next time",
            where=str(out),
            todo="Give another folder with --out.",
        )
    file = out / SETTINGS_FILE
    if file.is_file():
        return _settings_of_before(file, folder)
    job = ImportJob(
        type="folder",
        path=folder.resolve(),
        name=_name_of(folder.resolve()),
        csv=csv.resolve() if csv else None,
        columns=dict(columns or {}),
    )
    values = base.model_dump(mode="json", include=set(_SECTIONS), exclude_defaults=True)
    chosen = {"learn": learn.model_dump(mode="json", exclude_defaults=True)}
    if Path(learn.weights).is_file():
        chosen["learn"]["weights"] = str(Path(learn.weights).resolve())
    settings = Settings.model_validate(
        {
            "atlas": "atlas",
            "out": ".",
            **values,
            **chosen,
            "taxonomy": _taxonomy_file(job, out, base),
            "sources": (job,),
            "train": default_runs(learn, hub=hub, finetune=_is_soon_finetuned(job, learn)),
        }
    )
    write_text(file, toml_text(settings.model_dump(mode="json", exclude_defaults=True)))
    return load_settings(file)


def _settings_of_before(file: Path, folder: Path) -> Settings:
    settings = load_settings(file)
    known = [job.path for job in settings.folders]
    if folder.resolve() not in [path.resolve() for path in known]:
        raise UsageError(
            f"this holds what was started for {', '.join(map(str, known)) or 'no folder'}",
            where=str(file),
            todo="Give another folder with --out.",
        )
    return settings


def _name_of(place: Path) -> str:
    """A name for the import that can be part of an identifier."""
    stem = place.stem if place.suffix.lower() == ".zip" else place.name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "images"


def _is_soon_finetuned(job: ImportJob, learn: LearnSettings) -> bool:
    from cosmic_morphology.learn.models.devices import device_for

    if device_for(learn).type != "cpu":
        return True
    opened = open_folder(job.path, name=job.name, csv=job.csv, columns=job.columns or None)
    few = list(islice(opened.records(), _MOST_FINETUNED + 1))
    return len(few) <= _MOST_FINETUNED


def _taxonomy_file(job: ImportJob, out: Path, base: Settings) -> str | None:
    """A taxonomy of the folder's own classes, where the one in use knows less than two of them."""
    if base.taxonomy is not None:
        return str(base.taxonomy.resolve())
    opened = open_folder(job.path, name=job.name, csv=job.csv, columns=job.columns or None)
    given = Counter(record.given_label for record, _ in opened.records())
    del given[""]
    taxonomy = load_taxonomy()
    known = {class_of_text(label, taxonomy) for label in given} - {""}
    if len(known) > 1 or not 2 <= len(given) <= _MOST_CLASSES:
        return None
    write_text(out / TAXONOMY_FILE, toml_text(taxonomy_of(given).model_dump(exclude_defaults=True)))
    return TAXONOMY_FILE


def taxonomy_of(labels: Mapping[str, int]) -> Taxonomy:
    """A taxonomy with a class for each label that images came with, the commonest first."""
    classes: dict[str, str] = {}
    for label in sorted(labels, key=lambda name: (-labels[name], name)):
        plain = re.sub(r"[^a-z0-9 _-]+", " ", label.lower()).strip(" _-")
        name = " ".join(plain.split()) or f"class {len(classes) + 1}"
        if name not in (*classes, Taxonomy.model_fields["reject"].default):
            classes[name] = label
    return Taxonomy(
        classes=tuple(SkyClass(name=name, search=(label,)) for name, label in classes.items())
    )


def toml_text(values: Mapping[str, Any]) -> str:
    """TOML of nested mappings and lists of mappings; values that are None are left out."""
    return "\n".join(_toml_lines(values, "")) + "\n"


def _toml_lines(values: Mapping[str, Any], path: str) -> list[str]:
    lines, below = [], []
    for key, value in values.items():
        name = f"{path}.{_key(key)}" if path else _key(key)
        if isinstance(value, Mapping):
            below += ["", f"[{name}]", *_toml_lines(value, name)]
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            for each in value:
                below += ["", f"[[{name}]]", *_toml_lines(each, name)]
        elif value is not None:
            # Texts, numbers, booleans and lists of these are written alike in JSON and in TOML.
            lines.append(f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}")
    return lines + below


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
