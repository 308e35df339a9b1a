"""What training needs beyond prediction. An installation that only finds roads leaves it out."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from road_extract.base.errors import BackendError


def require_tensorflow() -> None:
    """Say how to install TensorFlow where it is missing; nothing is imported.

    Raises:
        BackendError: If TensorFlow or Keras is not installed.
    """
    missing = [name for name in ("tensorflow", "keras") if find_spec(name) is None]
    if missing:
        raise BackendError(
            f"training needs TensorFlow, and {' and '.join(missing)} cannot be found: this installation was made for "
            f'prediction only; add it with "{sys.executable}" -m pip install "tensorflow>=2.18"'
        )
