"""What a MODEL of a command may be, as one thing: a model folder, a published network, a .keras or a .tflite file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

import numpy as np

from movinet.config.typed import meant
from movinet.models.folder import Member, MemberError, load_network, read_member
from movinet.models.model import NOTHING, Logits, Model, Wanted
from movinet.presets import PRESETS
from movinet.spec import ClipSpec

if TYPE_CHECKING:
    import keras

    from movinet.layers.pool import Pool


def load_model(source: str, wanted: Wanted = NOTHING) -> Model:
    """The model at `source`. InputError for what cannot be read or does not fit."""
    if wanted.weights and source not in PRESETS:
        raise MemberError(f"--weights is for published names ({', '.join(PRESETS)}), not for {source}")
    if source in PRESETS:
        return _published(source, wanted)
    path = Path(source)
    if not path.exists():
        kinds = f"a model folder, a .keras or .tflite file, or a published name ({', '.join(PRESETS)})"
        raise MemberError(f"{source}: no such file or folder; {meant(source, PRESETS)}allowed: {kinds}")
    if path.suffix == ".tflite":
        from movinet.models.litert import litert_model

        return litert_model(path, wanted)
    if path.suffix == ".keras" and not (path.name == "model.keras" and (path.parent / "spec.yaml").is_file()):
        return _keras_file(path, wanted)
    return _folder(read_member(path.parent if path.suffix == ".keras" else path), wanted)


def temporal_pair(first: Model, second: Model) -> Model:
    """Two networks trained at half the frame rate as one at the full rate, one frame apart (arXiv:2103.11511, 3.3)."""
    if first.network is None or second.network is None:
        raise MemberError("--temporal-ensemble takes no .tflite files; allowed: two networks with their weights")
    if first.clip != second.clip:
        raise MemberError(f"{second.name} takes {second.clip}, {first.name} {first.clip}; allowed: the same")
    from movinet.models.ensemble import TemporalStream, temporal_ensemble

    networks, clip = (first.network, second.network), first.clip
    pair = temporal_ensemble(*networks)
    return replace(
        first,
        name=f"{first.name} + {second.name}",
        clip=replace(clip, frames=2 * clip.frames, frames_per_second=2 * clip.frames_per_second),
        logits=_clip_logits(pair),
        stream=first.stream and second.stream and _begins(lambda pool: TemporalStream(*networks, pool)),
        network=pair,
    )


def _folder(member: Member, wanted: Wanted) -> Model:
    labels = wanted.names(wanted.named() or member.labels, len(member.labels))
    multi_label = member.multi_label if wanted.multi_label is None else wanted.multi_label
    name = member.folder.resolve().name
    return model_of(name, load_network(member), member.spec.clip, labels, multi_label, wanted)


def _published(name: str, wanted: Wanted) -> Model:
    if not wanted.weights:
        raise MemberError(f"{name} needs --weights CHECKPOINT: a network without weights tells nothing")
    labels = wanted.named()
    from movinet.model import build_movinet
    from movinet.weights.load import load_tensors, read_tensors

    tensors = read_tensors(wanted.weights)
    if tensors.num_classes is None:
        raise MemberError(f"{wanted.weights} holds no classifier; allowed: a network with one")
    names = wanted.names(labels, tensors.num_classes)
    network = build_movinet(PRESETS[name], tensors.num_classes)
    load_tensors(network, tensors, wanted.weights)
    return model_of(name, network, PRESETS[name].clip, names, bool(wanted.multi_label), wanted)


def _keras_file(path: Path, wanted: Wanted) -> Model:
    """A network that lies alone does not tell its clip: that of the published one of its shapes, if there is one."""
    if not is_zipfile(path):
        raise MemberError(f"{path}: not a .keras file (no ZIP archive)")
    labels = wanted.named()
    import keras

    from movinet.model import is_movinet
    from movinet.weights.outline import outline, outline_of
    from movinet.weights.tensors import weights_by_path

    try:
        network: Any = keras.models.load_model(path, compile=False)
    except (ValueError, TypeError, OSError, KeyError, BadZipFile) as error:
        raise MemberError(f"{path}: Keras cannot load it ({str(error).splitlines()[0]})") from error
    if len(network.input_shape) != 5 or len(network.output_shape) != 2:
        raise MemberError(f"{path} holds no MoViNet: it takes {network.input_shape}; allowed: clips (B, T, H, W, 3)")
    shapes = {name: tuple(weight.shape) for name, weight in weights_by_path(network).items()}
    found = outline(shapes) if is_movinet(network) else None
    alike = [spec.clip for spec in PRESETS.values() if outline_of(spec) == found]
    clip = wanted.of(alike[0] if alike else ClipSpec())
    names = wanted.names(labels, network.output_shape[-1])
    model = model_of(path.name, network, clip, names, bool(wanted.multi_label), wanted)
    if alike or (wanted.frames and wanted.size and wanted.rate):
        return model
    assumed = f"{clip.frames} frames of {clip.resolution} pixels, {clip.frames_per_second:g} a second"
    return replace(
        model, notes=(f"{path} does not tell its clip; assumed: {assumed} (change: --frames, --size, --fps)",)
    )


def model_of(
    name: str,
    network: keras.Model,
    clip: ClipSpec,
    labels: tuple[str, ...] = (),
    multi_label: bool = False,
    wanted: Wanted = NOTHING,
) -> Model:
    """A Keras network as a model: of a clip, with what is wanted of it."""
    from movinet.model import is_movinet
    from movinet.streaming import Stream

    streams = is_movinet(network) and network.get_layer("stem").causal
    stream = _begins(lambda pool: Stream(network, pool)) if streams else None
    return Model(name, wanted.of(clip), labels, _clip_logits(network), stream, multi_label, network)


def _clip_logits(network: keras.Model) -> Logits:
    return lambda clip: np.asarray(network(clip[None], training=False))[0]


def _begins(made: Callable[[Pool], Any]) -> Callable[[Pool], Logits]:
    """Begins videos, also side by side, with one graph that is built once."""
    made = cache(made)

    def begin(pool: Pool) -> Logits:
        stream = made(pool).another()
        return lambda frames: np.asarray(stream.push(frames[None]))[0]

    return begin
