"""``cosmic export``: a trained run as one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cosmic_morphology.cli.common import (
    AtlasOption,
    ConfigOption,
    JsonOption,
    RunArgument,
    atlas_with_images,
    open_atlas,
    quiet_libraries,
    run_at,
    settings_for,
    show,
)
from cosmic_morphology.errors import ImageError, InputError, UsageError
from cosmic_morphology.extras import needs
from cosmic_morphology.io_utils import jsonable

if TYPE_CHECKING:
    from cosmic_morphology.learn import OnnxExportResult, TrainedModel
    from cosmic_morphology.settings import Settings

_COMPARED = 100
_CALIBRATED_ON = 100


def command(
    run: RunArgument,
    onnx: Annotated[Path, typer.Option("--onnx", help="Path of the .onnx file to write.")],
    int8: Annotated[
        bool,
        typer.Option(
            "--int8", help="Use 8-bit integers: smaller and faster, a little less accurate."
        ),
    ] = False,
    views: Annotated[
        int | None,
        typer.Option(
            "--views",
            min=1,
            max=8,
            help="Average N rotations and flips of each image.",
            show_default="that of the run",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="Folder of images on which the file is compared with torch.",
            show_default="those of the run",
        ),
    ] = None,
    atlas: AtlasOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a run as one ONNX file with preprocessing, classes and threshold, and check it.

    It is compared with torch on 100 images: given ones, or those of the atlas that the run was
    trained from. With --int8 and --atlas both are scored on the test split.
    """
    quiet_libraries()
    if onnx.suffix != ".onnx":
        raise UsageError(
            "the file has to end in .onnx", where=str(onnx), todo="Name it so, such as model.onnx."
        )
    settings = settings_for(config, atlas=atlas)
    run = run_at(run, settings)
    if images is not None and not images.exists():
        raise InputError(
            "there is no such file or folder", where=str(images), todo="Check the path."
        )
    if atlas is not None:
        atlas_with_images(settings)  # before torch, which takes seconds to import
    with needs("This"):
        from cosmic_morphology.learn import export_onnx, load_trained_model

        cpu = settings.learn.model_copy(update={"accelerator": "cpu"})
        model = load_trained_model(run, learn=cpu)
        compared, calibrated = _samples(run, settings, images, given=atlas is not None)
        if int8 and not calibrated:
            raise UsageError(
                "8-bit integers need images to find their range on",
                where=str(run),
                todo="Give --atlas, or --images with a folder of some.",
            )
        done = export_onnx(
            model, onnx, views=views, int8_from=calibrated if int8 else (), compare_on=compared
        )
        found: dict[str, Any] = _summary(done)
        if int8 and atlas is not None:
            found |= _scored(model, onnx, settings)
    show(found, as_json=as_json, title="exported")


def _samples(
    run: Path, settings: Settings, images: Path | None, *, given: bool
) -> tuple[list[bytes], list[bytes]]:
    """Thumbnails to compare on, and to find the range of 8-bit integers on."""
    from cosmic_morphology.learn import images_of_run, read_run, sample_images
    from cosmic_morphology.learn.data.atlas_source import AtlasSource

    compared = _thumbnails(images, settings) if images else []
    table = (
        AtlasSource(open_atlas(settings))
        if given
        else images_of_run(run, ours=settings.atlas, storage_options=settings.storage_options)
    )
    if table is None:
        return compared, compared
    labels = read_run(run).labels
    calibrated = sample_images(table, labels, _CALIBRATED_ON, split="train")
    compared = compared or sample_images(table, labels, _COMPARED, split="val")
    return compared or calibrated, calibrated or compared


def _thumbnails(place: Path, settings: Settings) -> list[bytes]:
    from cosmic_morphology.imaging import ImageLimits, ingest_image

    limits = ImageLimits(**settings.imaging.model_dump())
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    found: list[bytes] = []
    for file in files:
        if len(found) == _COMPARED:
            break
        try:
            found.append(ingest_image(file.read_bytes(), limits=limits).thumbnail)
        except ImageError:
            continue  # a folder of images may hold notes, too
    if not found:
        raise InputError(
            "there is no image here",
            where=str(place),
            todo="Give a folder of JPEG, PNG, TIFF or FITS files.",
        )
    return found


def _summary(done: OnnxExportResult) -> dict[str, Any]:
    values: dict[str, Any] = jsonable(done)
    values["largest_difference_from_torch"] = values.pop("parity")
    values["same_class_as_torch"] = values.pop("same_class")
    return values


def _scored(model: TrainedModel, onnx: Path, settings: Settings) -> dict[str, Any]:
    from cosmic_morphology.evaluate.quantisation import quantisation_loss
    from cosmic_morphology.learn import OnnxModel

    try:
        return quantisation_loss(open_atlas(settings), model, OnnxModel(onnx), settings)
    except UsageError as error:
        return {"accuracy_loss": f"not measured: {error}"}
