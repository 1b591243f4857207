"""One training step and one validation, as Lightning wants them."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from torch import nn
from torch.nn import functional
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_f1_score

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.learn.data.augment import apply_params, sample_params
from cosmic_morphology.learn.data.batches import class_weights
from cosmic_morphology.learn.models.network import Network, freeze_batchnorm_stats, parameter_groups
from cosmic_morphology.learn.models.preprocessing import Preprocessing
from cosmic_morphology.learn.recipes import Recipe
from cosmic_morphology.learn.training.processes import place_in_group


class Classifier(lightning.LightningModule):
    """What learns.

    Parameters
    ----------
    network : torch.nn.Module
        A :class:`Network` for pixels, or a head alone for features.
    recipe : Recipe
        How it learns.
    counts : Tensor of float32, shape ``(K,)``
        Training images of each class.
    preprocessing : Preprocessing, optional
        For pixels.
    seed : int
        Of augmentation, dropout and mixup.
    mirrored : sequence of int, optional
        Number of the class that the mirror image of each class shows; without it the same.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        counts: torch.Tensor,
        *,
        preprocessing: Preprocessing | None = None,
        seed: int = 0,
        mirrored: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.history: list[dict[str, float]] = []
        self._recipe = recipe
        self._preprocessing = preprocessing
        self._seed = seed
        self._mirrored = torch.tensor([*mirrored] or [*range(len(counts))])
        self._counts = counts
        self._class_weights = class_weights(counts, recipe.class_weights)
        self._adjustment = _adjustment(counts, recipe.logit_adjustment)
        self._train_losses: list[torch.Tensor] = []
        self._seen: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._began = time.perf_counter()

    # ---- what Lightning calls ----------------------------------------------------------------

    def on_train_epoch_start(self) -> None:
        """Start from the seed and the epoch, so that a resumed run draws the same."""
        torch.manual_seed(self._seed * 1_000_003 + self.current_epoch)
        self._train_losses = []
        self._began = time.perf_counter()
        self.network.train()
        if isinstance(self.network, Network) and self._recipe.trainable != "all":
            freeze_batchnorm_stats(self.network.backbone)

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        """Loss of one batch."""
        inputs, target = self._changed(batch["input"], batch["target"], index)
        mixed, other, share = self._mixed(inputs, target)
        scores = self.network(mixed) + self._adjustment.to(mixed.device)
        loss = share * self._loss(scores, target) + (1 - share) * self._loss(scores, other)
        loss = (loss * batch["weight"]).mean()
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {loss.item()} in epoch {self.current_epoch + 1}, step {index + 1}",
                where="training",
                todo="Lower learning_rate in the recipe, or look for damaged weights.",
            )
        self._train_losses.append(loss.detach())
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        """Scores of one batch of the val split."""
        del index
        self._seen.append((self.network(self._ready(batch["input"])).float(), batch["target"]))

    def on_validation_epoch_end(self) -> None:
        """Score the whole val split at once."""
        if self.trainer.sanity_checking:
            self._seen = []
            return
        scores = torch.cat([scores for scores, _ in self._seen])
        target = torch.cat([target for _, target in self._seen])
        self._seen = []
        n_classes = scores.shape[1]
        loss = functional.cross_entropy(scores, target)
        # Of shares the largest is what an answer can be right or wrong by.
        target = target.argmax(1) if target.ndim == 2 else target
        found = {
            "val_loss": loss,
            "val_macro_f1": multiclass_f1_score(scores, target, n_classes, average="macro"),
            "val_accuracy": multiclass_accuracy(scores, target, n_classes, average="micro"),
        }
        self.log_dict(found)
        self._note(found)

    def on_train_epoch_end(self) -> None:
        """Keep the history also where there is no val split."""
        if not self.history or self.history[-1]["epoch"] != self.current_epoch + 1:
            self._note({})

    def configure_optimizers(self) -> Any:
        """Adam or AdamW with the recipe's schedule."""
        recipe = self._recipe
        if isinstance(self.network, Network):
            groups = parameter_groups(
                self.network,
                head_rate=recipe.learning_rate,
                backbone_lr_scale=recipe.backbone_lr_scale,
                layer_decay=recipe.layer_decay,
            )
        else:
            groups = [{"params": list(self.network.parameters())}]
        kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
        optimiser = kind(groups, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
        steps = max(1, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: rate_at(recipe, step, steps)
        )
        return {
            "optimizer": optimiser,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The history travels with the weights."""
        checkpoint["cosmic_history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """A resumed run continues its history."""
        self.history = list(checkpoint.get("cosmic_history", []))

    # ---- helpers -----------------------------------------------------------------------------

    def _ready(self, inputs: torch.Tensor) -> torch.Tensor:
        if self._preprocessing is None:
            return inputs
        pixels = inputs.permute(0, 3, 1, 2)
        return self._preprocessing.normalised(pixels).contiguous(memory_format=torch.channels_last)

    def _changed(
        self, inputs: torch.Tensor, target: torch.Tensor, index: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._preprocessing is None:
            # Of several views of each image one is learned from in an epoch.
            return _one_view(inputs) if inputs.ndim == 3 else inputs, target
        pixels = inputs.permute(0, 3, 1, 2).float() / 255
        source = torch.Generator().manual_seed(
            (self._seed * 1_000_003 + self.current_epoch) * 10_007 + index
        )
        # What one process would draw for the whole batch, and of it our share.
        rank, world = place_in_group()
        drawn = sample_params(self._recipe.augment, len(pixels) * world, source)
        changes = drawn.part(rank, world)
        pixels = apply_params(pixels, changes, self._preprocessing.size_px)
        target = _of_mirror_images(target, changes.is_mirrored, self._mirrored)
        ready = self._preprocessing.normalised(pixels)
        return ready.contiguous(memory_format=torch.channels_last), target

    def _mixed(
        self, inputs: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, float]:
        if not self._recipe.mixup:
            return inputs, target, 1.0
        alpha = torch.tensor(self._recipe.mixup)
        share = float(torch.distributions.Beta(alpha, alpha).sample())
        other = torch.randperm(len(inputs)).to(inputs.device)
        return share * inputs + (1 - share) * inputs[other], target[other], share

    def _loss(self, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(
            scores,
            target,
            weight=self._class_weights.to(scores.device),
            label_smoothing=self._recipe.label_smoothing,
            reduction="none",
        )

    def _note(self, found: dict[str, torch.Tensor]) -> None:
        losses = torch.stack(self._train_losses) if self._train_losses else torch.zeros(1)
        loss = self.trainer.strategy.reduce(losses.mean(), reduce_op="mean")
        optimiser: Any = self.optimizers()
        self.history.append(
            {
                "epoch": self.current_epoch + 1,
                "train_loss": float(loss),
                **{name: float(value) for name, value in found.items()},
                "learning_rate": float(optimiser.param_groups[0]["lr"]),
                "seconds": round(time.perf_counter() - self._began, 3),
            }
        )


def rate_at(recipe: Recipe, step: int, steps: int) -> float:
    """What the learning rate is multiplied with at a step of so many."""
    warmup = recipe.warmup_epochs / recipe.epochs * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    if recipe.schedule == "cosine":
        done = (step - warmup) / max(1.0, steps - warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    if recipe.schedule == "step":
        epoch = int(step * recipe.epochs / steps)
        return float(recipe.lr_step_factor ** (epoch // recipe.step_epochs))
    return 1.0


def _one_view(inputs: torch.Tensor) -> torch.Tensor:
    chosen = torch.randint(inputs.shape[1], (len(inputs),)).to(inputs.device)
    return inputs[torch.arange(len(inputs), device=inputs.device), chosen].float()


def _of_mirror_images(
    target: torch.Tensor, is_mirrored: torch.Tensor, mirrored: torch.Tensor
) -> torch.Tensor:
    """Classes, or shares of the classes, of images of which some are mirrored."""
    chosen, other = is_mirrored.to(target.device), mirrored.to(target.device)
    if target.ndim == 2:
        # Mirroring twice is none: the permutation is its own inverse.
        return torch.where(chosen[:, None], target[:, other], target)
    return torch.where(chosen, other[target], target)


def _adjustment(counts: torch.Tensor, tau: float) -> torch.Tensor:
    """Logit adjustment (Menon et al. 2021); classes without images are left alone."""
    shares = (counts / counts.sum()).clamp_min(1e-12).log()
    return tau * torch.where(counts > 0, shares, torch.zeros_like(shares))
