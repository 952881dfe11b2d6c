"""A tiny experiment for tests: moving shapes of 20 pixels, a network of one layer."""

from pathlib import Path

CONFIG = """
network:
  stem: {filters: 4}
  blocks: [{base_filters: 8, layers: [{expand_filters: 8, kernel: [3, 3, 3], squeeze_excite: false}]}]
  head: {project_filters: 8, head_filters: 16}
  clip: {frames: 4, resolution: 16, frames_per_second: 4}
data:
  folder: FOLDER
  moving_shapes: {train_clips: 2, val_clips: 1, resolution: 20, frames_per_second: 4, seconds: 1}
train: {epochs: 3, batch_size: 4, learning_rate: 0.01, dropout: 0.2, stochastic_depth: 0.2, average: 0.9}
run: {checkpoint_steps: 2, ahead: 0, threads: 1}
evaluation: {batch_size: 8, worst: 3}
"""


def write_config(path: Path, data_folder: Path, extra: str = "") -> Path:
    """An experiment file; `data_folder` is where its clips and frames are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(CONFIG.replace("FOLDER", str(data_folder)) + extra)
    return path
