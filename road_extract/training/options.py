"""Options for `train`: the data, and the training itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from road_extract.base.errors import InputError
from road_extract.base.options import check_ranges, option
from road_extract.base.options.prediction import check_nodata
from road_extract.models import STRIDE
from road_extract.models.spec import STANDARD_FILTERS
from road_extract.training.recipes import RECIPES
from road_extract.training.sampling import AUGMENTATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """Where the labels come from, and which ground to hold out for validation."""

    roads: str | None = option(None, "Road lines or polygons (any format and CRS) that label the scenes without a mask")
    where: str | None = option(
        None, 'SQL filter on the roads, such as "highway IS NOT NULL" for an OpenStreetMap extract'
    )
    layer: str | None = option(None, "Name of the single layer to read from the roads (default: all line layers)")
    road_width_m: float = option(
        7.0, "Width at which lines are rasterized", unit="m", low=0.1, high=200, short="road-width"
    )
    width_field: str | None = option(
        None, "Line attribute that holds the road width in metres; lines without it get --road-width"
    )
    area: str | None = option(
        None, "Polygons (any format and CRS) inside which the labels are complete; ground outside counts as unlabelled"
    )
    assume_crs: str | None = option(None, "CRS of a scene, mask, roads or area that has none, such as EPSG:32611")
    bands: tuple[int, ...] | None = option(
        None, "Bands of the scenes, counted from 1: one (grey) or as many as the model takes, such as 3,2,1"
    )
    nodata: str | None = option(
        None, "Nodata value of scenes that do not mark their empty pixels; auto detects black or white collars"
    )
    subdataset: str | None = option(
        None, "Raster to read from scenes that contain several: its number (from 1) or its name"
    )
    gsd_m: float | None = option(
        None, "Ground sample distance of the model, to which scenes are resampled (default: that of --init, else 1)",
        unit="m", low=0.01, high=1000, short="gsd",
    )  # fmt: skip
    validation_share: float = option(
        0.1, "Share of the ground to hold out if no --validation scenes are named; 0 holds out none", low=0.0, high=0.5
    )
    cell_m: float = option(
        500.0, "Side of the squares in which ground is held out for validation", unit="m", low=10.0, short="cell"
    )

    def __post_init__(self) -> None:
        check_ranges(self)
        check_nodata(self.nodata)


#: Filters of each network size.
SIZES = {"standard": STANDARD_FILTERS, "fast": (32, 64, 128, 256)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How to train the model."""

    name: str = option("untitled", "Display name of the model")
    recipe: str = option(
        "default",
        "Training recipe. default: AdamW, cross-entropy plus Dice loss, warm-up and cosine decay; paper: SGD and mean "
        "squared error, as in Zhang, Liu & Wang (2018)",
        choices=RECIPES,
    )
    size: str = option(
        "standard",
        "Size of the network. standard: as published; fast: half the filters, a quarter of the work",
        choices=tuple(SIZES),
    )
    steps: int = option(2000, "Total number of optimizer steps, including those of interrupted runs", low=1)
    batch_size: int = option(8, "Windows per step", low=1)
    window_px: int = option(224, "Side of a training window (a multiple of 8)", unit="px", low=8, short="window")
    learning_rate: float = option(1e-3, "Peak learning rate", low=1e-9, high=1.0)
    warmup_steps: int = option(60, "Steps over which the learning rate rises linearly", low=0)
    weight_decay: float = option(0.05, "Weight decay", low=0.0, high=1.0)
    average_decay: float = option(
        0.998, "Decay per step of the moving average of the weights; 0 keeps the last weights", low=0.0, high=0.99999
    )
    near_roads: float = option(0.6, "Share of the windows drawn near a road", low=0.0, high=1.0)
    augment: str = option(
        "full",
        "Random augmentation. full: flips, rotation, scale, colour, tone and sharpness; symmetries: flips and quarter "
        "turns only, for the last steps on the target sensor; none",
        choices=AUGMENTATIONS,
    )
    bfloat16: bool = option(True, "Run convolutions in bfloat16, about twice as fast if the processor supports it")
    seed: int = option(0, "Random seed", low=0)
    validate_every: int = option(500, "Steps between validations", low=1)
    checkpoint_s: float = option(300.0, "Time between checkpoints", unit="s", low=0.0, short="checkpoint")
    workers: int = option(
        0, "Processes that prepare windows; 0 uses a thread, which is enough without a GPU", low=0, high=256
    )

    tensorboard: bool = option(False, "Also write TensorBoard logs (needs road-extract[tensorboard])")

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.window_px % STRIDE:
            raise InputError(f"window_px is {self.window_px}; expected a multiple of {STRIDE} px")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModels:
    """Existing models that training builds on.

    Attributes:
        init: Model folder with the initial weights.
        teacher: Model folder whose predictions are learned in addition to the labels, including on unlabelled ground
            (distillation).
    """

    init: Path | None = None
    teacher: Path | None = None
