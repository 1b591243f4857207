"""Lightning's loop with our rules: resume after a kill, stop early, halve the batch when full."""

from __future__ import annotations

import io
import logging
import signal
import warnings
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import (
    Callback,
    EarlyStopping,
    EMAWeightAveraging,
    ModelCheckpoint,
)
from lightning.pytorch.plugins.io import TorchCheckpointIO

from cosmic_morphology.errors import InputError, TrainingError, first_line
from cosmic_morphology.io_utils import Progress, whole_file
from cosmic_morphology.learn.data.batches import Examples, InOrder, Shuffled, loader
from cosmic_morphology.learn.models.batch_size_fallback import forget_gpu_memory
from cosmic_morphology.learn.models.devices import bf16_helps
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.learn.training.fit_result import FitResult
from cosmic_morphology.learn.training.launchers import is_first_process, launched
from cosmic_morphology.learn.training.lightning_module import Classifier
from cosmic_morphology.learn.training.processes import (
    place_in_group,
    relayed_progress,
    strategy_of,
)

_QUIET = ("lightning", "lightning.pytorch", "lightning.fabric", "pytorch_lightning")
# Lightning gives advice by warnings: on workers, on logging, on old names inside torch.
_ADVICE = ("lightning", "torch", "torchmetrics")
_SMALLEST_BATCH = 2


def fit(
    make: Callable[[], Classifier],
    train: Examples,
    val: Examples | None,
    *,
    recipe: Recipe,
    device: torch.device,
    folder: Path,
    seed: int,
    devices: int = 1,
    nodes: int = 1,
    progress: Progress | None = None,
) -> FitResult:
    """Train until the recipe's end, or until nothing gets better.

    Parameters
    ----------
    make : callable
        A fresh module; called again when the batch had to be halved.
    train, val : Examples
        Without ``val`` every epoch is trained and the last is taken.
    recipe : Recipe
        Epochs, batch size, patience.
    device : torch.device
        Where.
    folder : Path
        For checkpoints: a killed run resumes from its last epoch and ends with the same metrics.
    seed : int
        Of the order of images.
    devices, nodes : int
        Devices of each machine, and machines, that train together. A batch is that of all of
        them, so that their number changes nothing but the time.
    progress : callable, optional
        Called with epochs done and epochs in all.

    Raises
    ------
    TrainingError
        Not even the smallest batch fits into the GPU's memory.
    """
    batch_size = min(recipe.batch_size, max(2, len(train.targets)))
    notes: list[str] = []
    while True:
        fitted = _tried(
            make(), train, val, recipe, device, folder, seed, batch_size, (devices, nodes), progress
        )
        if fitted is not None:
            module, best_epoch = fitted
            return FitResult(module.history, best_epoch, batch_size, notes)
        # Only here, when the failed module and its tensors are gone.
        forget_gpu_memory()
        if batch_size // 2 < _SMALLEST_BATCH:
            raise TrainingError(
                f"a batch of {batch_size} images does not fit into the GPU's memory",
                where=str(device),
                todo="Take a smaller backbone or a smaller learn.image_size_px.",
            )
        batch_size //= 2
        notes.append(f"the GPU's memory was full: the batch was halved to {batch_size}")


def _tried(*given: Any) -> tuple[Classifier, int] | None:
    try:
        return _fit_once(*given)
    except torch.OutOfMemoryError:
        return None


def _fit_once(
    module: Classifier,
    train: Examples,
    val: Examples | None,
    recipe: Recipe,
    device: torch.device,
    folder: Path,
    seed: int,
    batch_size: int,
    processes: tuple[int, int],
    progress: Progress | None,
) -> tuple[Classifier, int]:
    watched, mode = (recipe.monitor, "min" if recipe.monitor == "val_loss" else "max")
    # The last one after the best: what it says of the best epoch is then of this epoch, too.
    checkpoints = [_checkpoint(folder, "best", watched, mode)] if val else []
    checkpoints.append(_checkpoint(folder, "last"))
    devices, nodes = processes
    apart = devices * nodes > 1 and launched() is None
    callbacks: list[Callback] = [*checkpoints]
    if not apart and is_first_process():
        callbacks.append(_Report(progress, recipe.epochs))
    if val and recipe.patience:
        callbacks.append(EarlyStopping(watched, patience=recipe.patience, mode=mode))
    if recipe.ema:
        callbacks.append(EMAWeightAveraging(decay=recipe.ema))
    last = folder / "last.ckpt"
    with ExitStack() as within:
        within.enter_context(_only_our_voice())
        within.enter_context(_interruptible())
        queue = None
        if apart:
            teller, queue = within.enter_context(
                relayed_progress(progress, recipe.epochs, devices * nodes, device)
            )
            callbacks.append(teller)
        trainer = lightning.Trainer(
            accelerator="gpu" if device.type == "cuda" else device.type,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy_of(device, devices, nodes, queue),
            precision="bf16-mixed" if device.type == "cuda" and bf16_helps(device) else "32-true",
            max_epochs=recipe.epochs,
            callbacks=callbacks,
            plugins=[_WholeCheckpoints()],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            gradient_clip_val=1.0 if recipe.trainable == "all" else None,
        )
        _check(last)
        trainer.fit(
            module,
            loader(
                train,
                Shuffled(train, batch_size, seed, place_in_group),
            ),
            loader(val, InOrder(len(val.targets), 2 * batch_size)) if val else None,
            ckpt_path=str(last) if last.is_file() else None,
            weights_only=True,
        )
        # Where other processes have learned, the history comes with the last checkpoint.
        module.history = list(_check(last).get("cosmic_history", module.history))
        return _best_of(module, folder)


def _checkpoint(
    folder: Path, name: str, watched: str | None = None, mode: str = "min"
) -> ModelCheckpoint:
    """One file, of the best epoch by a score; of every epoch without one.

    Lightning's own ``save_last`` writes only in epochs that are the best so far.
    """
    return ModelCheckpoint(
        dirpath=folder,
        filename=name,
        monitor=watched,
        mode=mode,
        enable_version_counter=False,
        save_on_train_epoch_end=True,
    )


def _best_of(module: Classifier, folder: Path) -> tuple[Classifier, int]:
    # The callback knows paths as they were when the run began; the folder may have moved since.
    path = folder / "best.ckpt"
    if not path.is_file():
        path = folder / "last.ckpt"
    state = _check(path)
    module.load_state_dict(state["state_dict"])
    module.cpu()
    return module, int(state["epoch"]) + 1


def _check(path: Path) -> dict[str, Any]:
    """What a checkpoint holds: tensors and plain values; nothing else in it is ever made.

    A folder to resume in may come from outside. ``weights_only`` reads it with an allow-list, so
    that no code in it runs.
    """
    if not path.exists():
        return {}
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(found, dict) or not {"state_dict", "epoch"} <= found.keys():
            raise ValueError("it is no checkpoint of a training")  # noqa: TRY301
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # damaged files raise anything
        raise InputError(
            f"this checkpoint cannot be gone on from ({first_line(error)})",
            where=str(path),
            todo=f"Delete the folder {path.parent}: the run then begins again.",
        ) from error
    return found


class _WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that are whole or not there.

    Lightning's own writing moves a file out of the folder of temporary files: from another disk
    that is a copy, and a full disk or a kill leaves half of it under the final name.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint, whole or not at all."""
        del storage_options
        # In memory first, as Lightning does: in a file, torch hides that the disk is full.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        with whole_file(Path(path)) as beside:
            beside.write_bytes(buffer.getbuffer())


class _Report(Callback):
    """Tells how many epochs are done."""

    def __init__(self, progress: Progress | None, epochs: int) -> None:
        self._progress, self._epochs = progress, epochs

    def on_train_epoch_end(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule
    ) -> None:
        del pl_module
        if self._progress:
            self._progress(trainer.current_epoch + 1, self._epochs)


@contextmanager
def _only_our_voice() -> Any:
    levels = {name: logging.getLogger(name).level for name in _QUIET}
    with warnings.catch_warnings():
        for module in _ADVICE:
            warnings.filterwarnings("ignore", module=rf"{module}\b.*")
        warnings.filterwarnings("ignore", message=".*(num_workers|isinstance|LeafSpec|litlogger).*")
        for name in _QUIET:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)


@contextmanager
def _interruptible() -> Any:
    """Lightning turns Ctrl-C into an exit with status 1 and then ignores it: give it back."""
    try:
        before = signal.getsignal(signal.SIGINT)
        yield
    except SystemExit as error:
        signal.signal(signal.SIGINT, before)
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
