"""What a camera demo consists of: a bundle made of a model and its labels, and a device file for the camera."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import BundleError, ConfigError, Problem
from ripieno.language.declared import declared_models
from ripieno.models.manifest import Manifest
from ripieno_daemon.bundles import inspect_model, seal_async

DATA = "RIPIENO_DATA"  # a folder of published data beside the project
USUAL_MODEL = "models/vision/coco_ssd_mobilenet_v1_1.0_quant.tflite"
USUAL_LABELS = "models/labels/coco_ssd_labelmap.txt"
DETECTOR_OUTPUTS = 4
MAX_AGE_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """One run. `camera`: a file, a device below /dev or a URL; `model`, `labels`: None for those of RIPIENO_DATA."""

    camera: str
    model: Path | None = None
    labels: Path | None = None
    seconds: float = 20.0
    threshold: float = 0.5
    runtime: str = "auto"
    step: bool = False


def chosen(settings: CameraSettings) -> tuple[Path, Path]:
    """Return the model and the file of its labels.

    Raises:
        ConfigError: none is named, or there is no such file; says what to name.
    """
    model, labels = settings.model, settings.labels
    data = os.environ.get(DATA)
    if model is None and data:
        model, labels = Path(data, USUAL_MODEL), labels or Path(data, USUAL_LABELS)
    if model is None:
        raise _wrong(
            "--model",
            "no model is named: --model MODEL.tflite --labels FILE",
            f"any TensorFlow Lite detector with TFLite_Detection_PostProcess, or a classifier; or set {DATA}",
        )
    if labels is None:
        raise _wrong("--labels", "no labels are named: --labels FILE, one label on each line, in the model's order", "")
    for path, option in ((model, "--model"), (labels, "--labels")):
        if not path.is_file():
            raise _wrong(option, f"{path}: no such file", "")
    return model, labels


def check_camera(camera: str) -> str:
    """Return the driver for what was named. Raises ConfigError where a file is named that is not there."""
    if "://" in camera:
        return "rtsp"
    if camera.startswith("/dev/"):
        return "v4l2"
    if not Path(camera).is_file():
        raise _wrong("--camera", f"{camera}: no such file", "a video file, rtsp://..., or a device below /dev")
    return "video"


async def make_bundle(folder: Path, settings: CameraSettings) -> Manifest:
    """Write and seal a bundle that reports all that the model sees.

    Raises:
        ConfigError: nothing is named. ModelError, BundleError: the model cannot be used.
    """
    model, labels = chosen(settings)
    runtime = None if settings.runtime == "auto" else settings.runtime
    (folder / "models").mkdir(parents=True)
    shutil.copyfile(model, folder / "models/model.tflite")
    shutil.copyfile(labels, folder / "labels.txt")
    seen = await inspect_model(str((folder / "models/model.tflite").absolute()), runtime)
    detects = len(seen.outputs) == DETECTOR_OUTPUTS
    task = f"detect, threshold: {settings.threshold:g}" if detects else "classify"
    (folder / "pipeline.yaml").write_text(
        f"""\
# Made by `ripieno demo --camera`: reports what the model sees.
ripieno: 1
name: camera-demo
version: 1.0.0
inputs:
  camera: {{kind: frame, max_age: {MAX_AGE_S}s}}
models:
  seen: {{file: models/model.tflite, task: {task}, labels: labels.txt}}
steps:
  look: {{model: seen, input: camera, frames: newest, deadline: {MAX_AGE_S}s, report: every}}
""",
        encoding="utf-8",
    )
    declared = declared_models(str(folder), lambda path: Path(path).read_bytes())
    try:
        return await seal_async(folder, declared.models, name=declared.name, version=declared.version, runtime=runtime)
    except BundleError as error:
        raise BundleError(f"{model}: {error}") from error


def device_file(folder: Path, settings: CameraSettings, broker: str) -> Path:
    """Write `device.yaml` for this camera into `folder` and return its path."""
    driver = check_camera(settings.camera)
    place = settings.camera if driver == "rtsp" else str(Path(settings.camera).absolute())
    key = {"video": "path", "v4l2": "device", "rtsp": "url"}[driver]
    pace = f", pace: {'step' if settings.step else 'own'}" if driver == "video" else ""
    path = folder / "device.yaml"
    path.write_text(
        f"""\
# Made by `ripieno demo --camera`.
ripieno: 1
device: {{id: camera-1, site: demo}}
pipelines: [bundle]
runtime: {settings.runtime}
devices:
  station: {{driver: {driver}, {key}: {quoted(place)}{pace}, frozen_after_s: 2}}
inputs:
  camera: {{device: station}}
broker: {broker}
storage: {{state: state}}
""",
        encoding="utf-8",
    )
    return path


def quoted(text: str) -> str:
    """Return a text as YAML takes it in double quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _wrong(option: str, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem("ripieno demo", 0, 0, option, message, hint)])
