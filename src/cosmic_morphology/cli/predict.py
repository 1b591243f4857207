"""``cosmic predict``: a trained model on a file, a folder, an address, or an atlas."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli import completion
from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    EngineOption,
    JsonOption,
    atlas_with_images,
    check_filter,
    model_at,
    quiet_libraries,
    settings_for,
    show,
)
from cosmic_morphology.cli.printing import progress
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.safe_text import public_url

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas
    from cosmic_morphology.learn import PixelPredictor, Prediction, Predictor
    from cosmic_morphology.settings import Settings


def command(
    model: Annotated[
        Path,
        typer.Argument(
            help="Name of a run, or its folder, or an .onnx file.", autocompletion=completion.runs
        ),
    ],
    target: Annotated[
        str | None,
        typer.Argument(
            help="An image, a folder, an address (https://…), or an atlas.",
            show_default="that of --atlas",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the predictions to this .csv, .json or .parquet file."),
    ] = None,
    reject_below: Annotated[
        float | None,
        typer.Option(
            "--reject-below",
            min=0,
            max=1,
            help="Leave predictions open whose confidence is lower.",
            show_default="that of the run",
        ),
    ] = None,
    where: Annotated[
        str | None, typer.Option("--where", help="Filter in SQL that chooses images of an atlas.")
    ] = None,
    pixels_only: Annotated[
        bool,
        typer.Option("--pixels-only", help="In an atlas, do not hear what the texts say."),
    ] = False,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    engine: EngineOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the class of images; in an atlas, fill its columns of predictions.

    An answer whose confidence stays below the threshold that the model was given on its val split
    is left open. A file that is no usable image gets a reason instead of a class. In an atlas that
    was curated, the answers of --out come from pixels and texts together; the columns hold what
    the model sees in the pixels.
    """
    quiet_libraries()
    is_atlas = target is None or _is_atlas(target)
    if is_atlas and target is not None and atlas is not None:
        raise UsageError("the atlas is given twice", where=target, todo="Leave --atlas out.")
    if where is not None and not is_atlas:
        raise UsageError(
            "--where chooses images of an atlas",
            where=target or "",
            todo="Give an atlas, or leave --where out.",
        )
    settings = settings_for(config, atlas=target if is_atlas and target else atlas, engine=engine)
    model = _model(model, target, settings)
    if target is not None and not is_atlas and "://" not in target:
        _must_exist(Path(target))
    opened = atlas_with_images(settings) if is_atlas else None
    if opened is not None and where is not None:
        check_filter(opened, where, option="--where")
        if not opened.count("catalogue", where):
            raise InputError(
                "no image fits the filter",
                where=f"--where {where}",
                todo="Ask for less, or see the columns: cosmic atlas info.",
            )
    # An exported file predicts without torch.
    with needs("This"):
        from cosmic_morphology.learn import check_ending, load_model

        if out is not None:
            check_ending(out)
        predictor = load_model(model, learn=settings.learn)
        if opened is not None:
            from cosmic_morphology.engine import Engine

            how = {"where": where, "place": model, "engine": Engine.of(settings)}
            wanted = {"reject_below": reject_below, "texts": not pixels_only}
            _in_atlas(predictor, opened, out, how, wanted, as_json=as_json)
            return
        with _answers(predictor, str(target), settings, reject_below) as answers:
            _give(answers, out, alone=_is_alone(str(target)), as_json=as_json)


def _model(given: Path, target: str | None, settings: Settings) -> Path:
    """Where the model is; a target that is one in its stead was written in the wrong place."""
    try:
        return model_at(given, settings)
    except InputError:
        if target is None or not _is_model(Path(target), settings):
            raise
    images = shlex.quote(str(given)) if given.exists() else "IMAGES"
    raise UsageError(
        "the images were given first; this is the model",
        where=target,
        todo=f"Write: cosmic predict {shlex.quote(target)} {images}",
    )


def _is_model(path: Path, settings: Settings) -> bool:
    try:
        model_at(path, settings)
    except InputError:
        return False
    return True


def _in_atlas(
    predictor: Predictor,
    opened: Atlas,
    out: Path | None,
    how: dict[str, Any],
    wanted: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    from cosmic_morphology.learn import iter_predictions, predict_images, write_predictions
    from cosmic_morphology.learn.inference.predictors import column_name

    name = column_name(predictor)
    with progress("predicting") as report:
        done = predict_images(opened, predictor, **how, name=name, progress=report)
    if out is None:
        show(done, as_json=as_json, title="predicted")
        return
    told = Counter[str]()
    answers = iter_predictions(opened, predictor, where=how["where"], name=name, **wanted)
    written = write_predictions(_counted(answers, told), out)
    found = jsonable(done) | {"written": written, "answered_from": dict(told), "out": str(out)}
    show(found, as_json=as_json, title="predicted")


def _counted(answers: Iterator[Prediction], told: Counter[str]) -> Iterator[Prediction]:
    """The same answers; counts what they were answered from as they pass."""
    for answer in answers:
        told[answer.answered_from] += 1
        yield answer


@contextmanager
def _answers(
    predictor: PixelPredictor, target: str, settings: Settings, reject_below: float | None
) -> Iterator[Iterator[Prediction]]:
    from cosmic_morphology.imaging import ImageLimits
    from cosmic_morphology.learn import predict_bytes, predict_files

    limits = ImageLimits(**settings.imaging.model_dump())
    if "://" in target:
        from cosmic_morphology.collect.http.fetch_one import image_at

        # The name of an answer is written into files.
        images = {public_url(target): image_at(target, settings)}
        yield predict_bytes(predictor, images, limits=limits, reject_below=reject_below)
        return
    if _is_alone(target):
        yield predict_files(predictor, Path(target), limits=limits, reject_below=reject_below)
        return
    with progress("predicting") as report:
        yield predict_files(
            predictor, Path(target), limits=limits, reject_below=reject_below, progress=report
        )


def _give(answers: Iterator[Prediction], out: Path | None, *, alone: bool, as_json: bool) -> None:
    from cosmic_morphology.cli.tables import PredictionCounter, show_answer
    from cosmic_morphology.learn import write_predictions

    tally = PredictionCounter(alone=alone, keep=as_json and out is None)
    counted = tally.count(answers)
    if out is not None:
        write_predictions(counted, out)
    else:
        for answer in counted:
            if not as_json:
                show_answer(answer)
    if as_json or out is not None or not alone:
        show(tally.summary(out), as_json=as_json, title="predicted")


def _is_atlas(target: str) -> bool:
    if target.startswith(("http://", "https://")):
        return False
    # An object store holds atlases; a folder is one when it has the table of images.
    return "://" in target or (Path(target) / "images.lance").is_dir()


def _is_alone(target: str) -> bool:
    return "://" in target or Path(target).is_file()


def _must_exist(path: Path) -> None:
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path), todo="Check the path.")
