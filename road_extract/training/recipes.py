"""Training recipes: optimizer, learning rate schedule and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from road_extract.training.losses import bce_dice_loss, distillation_loss, mse_loss

if TYPE_CHECKING:
    import keras

RECIPES = ("default", "paper")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One of `RECIPES`.

    Attributes:
        name: ``default``: AdamW (Loshchilov & Hutter 2019) with warm-up and cosine decay, binary cross-entropy and
            Dice; ``paper``: SGD in three steps and mean squared error, as in Zhang, Liu & Wang (2018).
        steps: Total number of optimizer steps.
        learning_rate: Peak learning rate.
        warmup_steps: Steps over which the learning rate rises linearly (default recipe).
        weight_decay: Weight decay of AdamW.
        distil: Whether labels include a teacher's probabilities (`distillation_loss`).
    """

    name: str
    steps: int
    learning_rate: float
    warmup_steps: int
    weight_decay: float
    distil: bool = False

    def compile(self, model: keras.Model) -> None:
        """Compile a model that returns logits for training."""
        optimizer = self._sgd() if self.name == "paper" else self._adamw()
        loss = distillation_loss if self.distil else mse_loss if self.name == "paper" else bce_dice_loss
        model.compile(optimizer=optimizer, loss=loss, jit_compile=_jit())
        optimizer.build(model.trainable_variables)

    def _sgd(self) -> Any:
        """Divide the learning rate by ten after 20 and after 40 of the paper's 50 epochs."""
        import keras

        borders = [max(1, self.steps * 2 // 5), max(2, self.steps * 4 // 5)]
        rates = [self.learning_rate, self.learning_rate / 10, self.learning_rate / 100]
        return keras.optimizers.SGD(keras.optimizers.schedules.PiecewiseConstantDecay(borders, rates))

    def _adamw(self) -> Any:
        import keras

        schedule = keras.optimizers.schedules.CosineDecay(
            0.0,
            max(1, self.steps - self.warmup_steps),
            alpha=0.01,
            warmup_target=self.learning_rate,
            warmup_steps=self.warmup_steps,
        )
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=self.weight_decay, global_clipnorm=1.0)
        optimizer.exclude_from_weight_decay(var_names=["bias", "beta", "gamma"])
        return optimizer


def _jit() -> bool:
    """Compile only on JAX; elsewhere compiling takes longer than it saves."""
    import keras

    return bool(keras.backend.backend() == "jax")
