"""keras.ops, typed as what it is here: its own annotations are unions over backends."""

from typing import Any

import keras

ops: Any = keras.ops
