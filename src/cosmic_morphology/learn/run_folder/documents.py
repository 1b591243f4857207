"""The JSON files of a run's folder, which may come from outside: read and checked without torch.

What a file says is checked by its name: every caller gets an object whose known keys have the
right types and ranges, or one line that says which key of which file is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cosmic_morphology.errors import InputError, TrainingError
from cosmic_morphology.extras import how_to_update
from cosmic_morphology.io_utils import write_json

# 1: first layout. Older layouts are read for ever; newer ones are refused with a clear line.
FORMAT_VERSION = 1
# Far above what a run writes: what is larger is no file of ours.
_LARGEST_BYTES = 64 * 1024**2
LARGEST_SIDE_PX = 2048
INTERPOLATIONS = ("bilinear", "bicubic", "lanczos", "nearest")
# A run's name becomes part of columns and paths.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
# A model of timm and its tag. With a colon timm would ask the model hub, or read a folder.
_MODEL = r"[A-Za-z0-9_-]{1,100}(\.[A-Za-z0-9_-]{1,100})?"
BACKBONE = f"^{_MODEL}$"
MOST_BACKBONES = 8


def _distinct(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("a class stands there twice")
    return names


Name = Annotated[str, Field(pattern=NAME)]
BackboneName = Annotated[str, Field(pattern=BACKBONE)]
# One, or several that answer together.
BackboneNames = Annotated[str, Field(pattern=rf"^{_MODEL}(\+{_MODEL}){{0,{MOST_BACKBONES - 1}}}$")]
Text = Annotated[str, Field(max_length=10_000)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Number = Annotated[float, Field(ge=-1e300, le=1e300)]
Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE_PX)]
Colour = Annotated[float, Field(ge=-1e3, le=1e3)]
Spread = Annotated[float, Field(ge=1e-6, le=1e3)]
ClassName = Annotated[str, Field(min_length=1, max_length=200)]
ClassNames = Annotated[
    list[ClassName], Field(min_length=1, max_length=10_000), AfterValidator(_distinct)
]


class Part(BaseModel):
    """An object in a file that may be anybody's: strict types, numbers that are numbers."""

    # A run of a newer version may say more.
    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


PartT = TypeVar("PartT", bound=Part)


class ClassesFile(Part):
    """``classes.json``."""

    classes: ClassNames


class SquareInput(Part):
    """How an image becomes the input of a network."""

    size_px: Side
    mean: Annotated[list[Colour], Field(min_length=3, max_length=3)]
    std: Annotated[list[Spread], Field(min_length=3, max_length=3)]
    interpolation: Annotated[str, Field(pattern=f"^({'|'.join(INTERPOLATIONS)})$")] = "bicubic"


class MemberPart(Part):
    """One of several backbones that answer together."""

    name: BackboneName
    timm_kwargs: dict[str, Any] = Field(default_factory=dict)
    weights_id: Text = ""
    preprocessing: SquareInput


Members = Annotated[list[MemberPart], Field(max_length=MOST_BACKBONES)]


class _Embedding(Part):
    backbone: BackboneName
    arguments: dict[str, Any] = Field(default_factory=dict)
    weights: Text = ""
    preprocessing: SquareInput


class _NoEmbedding(Part):
    model_config = ConfigDict(strict=True, extra="forbid")


class FusionPart(Part):
    """How a record is answered from pixels and texts."""

    pixels: Annotated[float, Field(ge=0, le=100)]
    texts: Annotated[float, Field(ge=0, le=100)]
    reject_below: Share
    n_images: Count


class NoFusion(Part):
    """A model that knows nothing of texts."""

    model_config = ConfigDict(strict=True, extra="forbid")


class PreprocessingFile(SquareInput):
    """``preprocessing.json``."""

    temperature: Annotated[float, Field(ge=1e-6, le=1e6)] = 1.0
    reject_below: Share = 0.0
    views: Annotated[int, Field(ge=1, le=8)] = 1
    crops: Annotated[int, Field(ge=0, le=5)] = 0
    embedding: _Embedding | _NoEmbedding = Field(default_factory=_NoEmbedding)
    fusion: FusionPart | NoFusion = Field(default_factory=NoFusion)


class _Recipe(Part):
    description: Text = ""
    target_precision: Share | None = None


class HeadShape(Part):
    """What the head of a network is built from."""

    n_features: Annotated[int, Field(ge=1, le=10**6)]
    kind: Annotated[str, Field(pattern="^(linear|mlp)$")] = "linear"
    hidden: Annotated[int, Field(ge=1, le=10**6)] = 512
    dropout: Share = 0.0


class SettingsFile(Part):
    """``settings.json``."""

    format_version: Annotated[int, Field(ge=1, le=10**6)] = 1
    name: Name | None = None
    recipe_name: Text = ""
    recipe: _Recipe = Field(default_factory=_Recipe)
    labels: Text = "label"
    init_from: Text | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**64)] = 0
    backbone: BackboneNames
    backbones: Members = Field(default_factory=list)
    timm_kwargs: dict[str, Any] = Field(default_factory=dict)
    weights_id: Text = ""
    levels: bool = False
    head: HeadShape | None = None


class _TestScores(Part):
    classes: ClassNames | None = None


class MetricsFile(Part):
    """``metrics.json``."""

    val_macro_f1: Number | None = None
    val_accuracy: Number | None = None
    val_classwise_ece: Number | None = None
    temperature: Number | None = None
    reject_below: Share = 0.0
    seconds: Number = 0.0
    penalty: Number | None = None
    epochs: Count | None = None
    best_epoch: Count | None = None
    batch_size: Count | None = None
    n_train: Count | None = None
    n_val: Count | None = None
    quarantined: Count | None = None
    n_by_class: dict[str, dict[str, Count]] = Field(default_factory=dict)
    notes: list[Text] = Field(default_factory=list)
    test: _TestScores = Field(default_factory=_TestScores)


class AtlasFile(Part):
    """``atlas.json``."""

    uri: Text = ""
    version: Text = ""


class EnvironmentFile(Part):
    """``environment.json``."""

    device: Text = ""
    gpu: Text = ""


class ScoresFile(Part):
    """``test_scores.json``."""

    scores: list[Text]


CLASSES, PREPROCESSING, SETTINGS = "classes.json", "preprocessing.json", "settings.json"
METRICS, ATLAS, ENVIRONMENT = "metrics.json", "atlas.json", "environment.json"
TEST_SCORES = "test_scores.json"
_FILES: dict[str, type[Part]] = {
    CLASSES: ClassesFile,
    PREPROCESSING: PreprocessingFile,
    SETTINGS: SettingsFile,
    METRICS: MetricsFile,
    ATLAS: AtlasFile,
    ENVIRONMENT: EnvironmentFile,
    TEST_SCORES: ScoresFile,
}


def read_document(folder: Path, name: str, *, optional: bool = False) -> dict[str, Any]:
    """Read a JSON file of a run's folder, checked by what a file of this name holds.

    Parameters
    ----------
    folder : Path
        Of the run.
    name : str
        One of the files that are named above.
    optional : bool
        A file that is not there is empty, instead of an error.

    Raises
    ------
    InputError
        The file is missing or damaged, or what it says cannot be.
    TrainingError
        The run was written by a newer version of this program.
    """
    path = folder / name
    if optional and not path.exists():
        return {}
    if not path.is_file():
        raise _unreadable(path, "there is no such file")
    if path.stat().st_size > _LARGEST_BYTES:
        raise _unreadable(path, "it is far too large")
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error) or type(error).__name__) from error
    _check_version(found, path)
    checked(found, _FILES[name], where=str(path))
    return dict(found)


def write_document(folder: Path, name: str, values: Mapping[str, Any]) -> None:
    """Write a JSON file of a run's folder, whole or not at all."""
    if name not in _FILES:
        msg = f"{name!r} is no file of a run"
        raise ValueError(msg)
    write_json(folder / name, values)


def write_test_scores(folder: Path, scores: Mapping[str, Any]) -> None:
    """Add scores of the test split to what training wrote into ``metrics.json``."""
    before = read_document(folder, METRICS, optional=True)
    write_document(folder, METRICS, {**before, "test": dict(scores)})


def _check_version(found: Any, path: Path) -> None:
    # Before anything else is looked at: a newer version may say everything in other words.
    version = found.get("format_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise TrainingError(
            f"this run has format {version}, this program knows up to {FORMAT_VERSION}",
            where=str(path.parent),
            todo=how_to_update(),
        )


def checked(found: Any, kind: type[PartT], *, where: str) -> PartT:
    """The value as an object of this kind; ``InputError`` where its keys are not right."""
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"] if not str(part).startswith("_"))
        said = str(first["msg"]).removeprefix("Value error, ")
        why = f"{ascii(place)[1:-1]}: {said}" if place else "it must hold one object"
        raise InputError(
            f"this file of a run cannot be used ({why})",
            where=where,
            todo="Take the run from where it was made, or train it again.",
        ) from error
    except RecursionError as error:
        raise _unreadable(Path(where), "it is nested too deeply") from error


def _unreadable(path: Path, why: str) -> InputError:
    return InputError(
        f"this file of the run cannot be read ({why.splitlines()[0]})",
        where=str(path),
        todo="Give the folder of a finished run, such as out/runs/linear-probe.",
    )
