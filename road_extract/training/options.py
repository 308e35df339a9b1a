"""How to train, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.options import check_ranges, option
from road_extract.models import STRIDE
from road_extract.models.spec import STANDARD_FILTERS
from road_extract.training.recipes import RECIPES
from road_extract.training.sampling import AUGMENTATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """What the scenes' labels are, and which ground is kept for validation."""

    roads: str | None = option(
        None, "Roads as lines or polygons, any format and CRS: the labels of scenes that have no mask"
    )
    where: str | None = option(
        None, 'Only the roads for which this holds, in SQL, such as "highway IS NOT NULL" for an OpenStreetMap extract'
    )
    road_width_m: float = option(7.0, "Lines are drawn so wide", unit="m", low=0.1, high=200, short="road-width")
    width_field: str | None = option(
        None, "Attribute of the lines that holds their own width in metres; the others get --road-width"
    )
    area: str | None = option(
        None, "Polygons in which the labels are complete: ground outside counts as unlabelled; any format and CRS"
    )
    gsd_m: float | None = option(
        None, "Of the model: scenes are resampled to it on the ground; the start's, or 1, if left out",
        unit="m", low=0.01, high=1000, short="gsd",
    )  # fmt: skip
    validation_share: float = option(
        0.1, "Share of the ground kept for validation where no scene is named for it; 0 keeps none", low=0.0, high=0.5
    )
    cell_m: float = option(
        500.0, "Validation ground is chosen in squares of so many metres, never pixel by pixel", unit="m", low=10.0,
        short="cell",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_ranges(self)


#: Filters by the name of a network's size.
SIZES = {"standard": STANDARD_FILTERS, "fast": (32, 64, 128, 256)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How to train, apart from the data."""

    name: str = option("untitled", "Of the model, for people")
    recipe: str = option(
        "default",
        "default: AdamW, cross-entropy and Dice, warm-up and cosine; paper: SGD and the mean squared error, of Zhang, "
        "Liu & Wang (2018)",
        choices=RECIPES,
    )
    size: str = option(
        "standard",
        "standard: the published network; fast: half its filters, a quarter of the work",
        choices=tuple(SIZES),
    )
    steps: int = option(2000, "Optimizer steps in all, those of interrupted runs included", low=1)
    batch_size: int = option(8, "Windows a step", low=1)
    window_px: int = option(224, "Rows and columns of a window, a multiple of 8", unit="px", low=8, short="window")
    learning_rate: float = option(1e-3, "The highest", low=1e-9, high=1.0)
    warmup_steps: int = option(60, "Steps of linear rise of the learning rate", low=0)
    weight_decay: float = option(0.05, "Of AdamW", low=0.0, high=1.0)
    average_decay: float = option(
        0.998, "Share of the average of weights that stays at each step; 0 keeps the last weights", low=0.0,
        high=0.99999,
    )  # fmt: skip
    near_roads: float = option(0.6, "Share of the windows that are drawn near a road", low=0.0, high=1.0)
    augment: str = option(
        "full",
        "How windows are changed at random. full: turned, scaled, other colours, tones and sharpness; symmetries: "
        "flips and quarter turns, for the last steps on the sensor that matters; none",
        choices=AUGMENTATIONS,
    )
    bfloat16: bool = option(True, "Convolutions in bfloat16, about twice as fast where the processor has it")
    seed: int = option(0, "Of all chance: weights and windows", low=0)
    validate_every: int = option(500, "Steps between validations", low=1)
    checkpoint_s: float = option(300.0, "Seconds between checkpoints", unit="s", low=0.0, short="checkpoint")
    workers: int = option(0, "Processes that draw windows; 0 draws in a thread, enough without a GPU", low=0, high=256)

    tensorboard: bool = option(False, "Write logs for TensorBoard too (needs road-extract[tensorboard])")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.window_px % STRIDE:
            raise InputError(f"window_px is {self.window_px}; expected a multiple of {STRIDE} px")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModels:
    """Model folders that training builds on.

    Attributes:
        init: Its weights are the start.
        teacher: Its answers are learned beside the labels, on unlabelled ground too (distillation).
    """

    init: Path | None = None
    teacher: Path | None = None
