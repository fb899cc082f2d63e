"""A device file binds every input and output once, to a machine whose driver serves it, with settings it declares."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bench import BUNDLE, DEVICE, DEVICE_FILE, compile_texts, problems_of, sealed, shipped, told

from ripieno.plan import decode, digest, encode
from ripieno.plan.joined import joined

MISTAKES = [
    (
        "driver: board",
        "driver: bord",
        "6:22: devices.conveyor.driver: there is no driver 'bord' (did you mean 'board'?)",
    ),
    (
        "driver: board",
        "driver: modbus",
        "6:22: devices.conveyor.driver: there is no driver 'modbus' (there is blind, board, coil, folder)",
    ),
    ("baud: 115200", "bauds: 115200", "6:56: devices.conveyor.bauds: unknown key 'bauds' (did you mean 'baud'?)"),
    ("baud: 115200", "baud: 0", "6:62: devices.conveyor.baud: should be greater than 0 (got 0)"),
    ("baud: 115200", "baud: fast", "6:62: devices.conveyor.baud: should be a whole number (got 'fast')"),
    (
        "rearm: auto",
        "rearm: aut",
        "6:96: devices.conveyor.rearm: should be one of person, auto (got 'aut') (did you mean 'auto'?)",
    ),
    ("counts_per_mm: 10, ", "", "6:13: devices.conveyor: missing key 'counts_per_mm'"),
    (
        "device: station",
        "device: statio",
        "9:17: inputs.top.device: there is no device 'statio' (did you mean 'station', defined on line 7?)",
    ),
    (
        "top: {device: station}",
        "top: {device: conveyor}",
        "9:17: inputs.top.device: driver 'board' of device 'conveyor' cannot serve a frame input (its inputs: edge, position)",
    ),
    (
        "  top: {device: station}\n",
        "",
        "8:1: inputs: missing key 'top': pipeline 'quality-control' needs this frame input (drivers that serve a frame: folder)",
    ),
    (
        "  belt: {device: conveyor}\n",
        "  belt: {device: conveyor}\n  side: {device: station}\n",
        "12:3: inputs.side: there is no input 'side' (there is top, photo_eye, belt)",
    ),
    (
        "  belt: {device: conveyor}\n",
        "  belt: {device: conveyor}\n  belt: {device: conveyor}\n",
        "12:3: belt: is given twice (first on line 11)",
    ),
    ("channel: 0", "chanel: 0", "13:28: outputs.gate.chanel: unknown key 'chanel' (did you mean 'channel'?)"),
    (
        "driver: board",
        "driver: coil",
        "13:18: outputs.gate.device: device 'conveyor' does not fall safe by itself, and 'gate' is a pulse "
        '(declare what does it: devices.conveyor.interlock: "...")',
    ),
    (
        "runtime: auto",
        "runtime: tflight",
        "4:10: runtime: should be one of auto, litert, tflite (got 'tflight') (did you mean 'tflite'?)",
    ),
    (
        "quota: 2GB",
        "quota: 2",
        "16:64: storage.quota: wants a size such as 100MB (got 2, without a unit) (write 2MB if you mean that)",
    ),
    ("quota: 2GB", "quota: 1MB", "16:64: storage.quota: should be at least 16MB (got 1MB)"),
    ("port: 1883", "port: 70000", "15:53: broker.port: should be at most 65535 (got 70000)"),
    (
        "[bundles/quality-control]",
        "[bundles/quality]",
        "3:13: pipelines: cannot read bundles/quality/pipeline.yaml: No such file or directory (a path counts from this file)",
    ),
    (
        "runtime: auto",
        "mode: obsrve",
        "4:7: mode: should be one of act, observe (got 'obsrve') (did you mean 'observe'?)",
    ),
    (
        "runtime: auto",
        "mode: {quality-control: obsrve}",
        "4:25: mode.quality-control: should be one of act, observe (got 'obsrve') (did you mean 'observe'?)",
    ),
    (
        "runtime: auto",
        "mode: {qality-control: observe}",
        "4:8: mode.qality-control: there is no pipeline 'qality-control' (did you mean 'quality-control'?)",
    ),
    (
        "runtime: auto",
        "longest_override: 0s",
        "4:19: longest_override: should be greater than 0 (got 0s)",
    ),
    ("id: line-1", "id: 5", "2:14: device.id: should be text (got 5) (put it into quotes)"),
    ("ripieno: 1", "ripieno: 2", "1:10: ripieno: should be 1 (got 2)"),
]


@pytest.mark.parametrize(("right", "wrong", "text"), MISTAKES, ids=[one[1] or "left out" for one in MISTAKES])
def test_a_mistake_is_told_with_its_place(right: str, wrong: str, text: str) -> None:
    assert right in DEVICE

    assert f"device.yaml:{text}" in told(problems_of(device=DEVICE.replace(right, wrong, 1)))


def test_settings_and_places_stand_apart_and_defaults_are_filled_in() -> None:
    conveyor = compile_texts(device=DEVICE.replace("baud: 115200, ", "")).devices[0]

    assert conveyor.settings == {"baud": 115200, "counts_per_mm": 10.0, "rearm": "auto"}
    assert conveyor.places == {"port": "/dev/serial/by-id/x"}
    assert [(point.name, point.kind) for point in conveyor.points] == [
        ("photo_eye", "edge"),
        ("belt", "position"),
        ("gate", "pulse"),
        ("flow", "setpoint"),
    ]


def test_a_device_with_an_interlock_may_serve_a_pulse_though_it_does_not_fall_safe() -> None:
    text = DEVICE.replace("driver: board", 'driver: coil, interlock: "spring return"')

    assert compile_texts(device=text).devices[0].interlock == "spring return"


def test_a_device_that_may_do_a_pulse_twice_needs_an_interlock_too() -> None:
    text = DEVICE.replace("driver: board", "driver: blind")

    assert [one.path for one in problems_of(device=text)] == ["outputs.gate.device"]


def test_two_outputs_on_the_same_channel_are_told() -> None:
    pipeline = shipped().replace("  flow: {kind", "  gate2: {kind: pulse, safe: divert, hold: 1s}\n  flow: {kind")
    text = DEVICE.replace("outputs:\n", "outputs:\n  gate2: {device: conveyor, channel: 0}\n")

    assert "device.yaml:14:3: outputs.gate: is the same pulse of device 'conveyor' as 'gate2'" in told(
        problems_of(pipeline, text)
    )


TLS = "port: 1883, tls: {ca: fleet/ca.pem, certificate: /x/device.pem, key: fleet/device.key}"


def test_certificates_of_the_broker_count_from_the_file_and_are_no_part_of_the_digest() -> None:
    plain = compile_texts(device=DEVICE)
    text = DEVICE.replace("port: 1883", TLS + ", orders: {root: fleet/root.pub, policy: fleet/policy.signed}")
    plan = compile_texts(device=text)

    assert plan.broker.tls is not None and plan.broker.orders is not None
    assert (plan.broker.tls.ca, plan.broker.tls.certificate) == ("site/fleet/ca.pem", "/x/device.pem")
    assert plan.broker.orders.policy == "site/fleet/policy.signed"
    assert decode(encode(plan)) == plan and digest(plan) == digest(plain)


def test_a_broker_with_half_a_certificate_is_told() -> None:
    text = DEVICE.replace("port: 1883", TLS.replace(", key: fleet/device.key", ""))

    assert [one.path for one in problems_of(device=text)] == ["broker.tls"]


def test_a_broker_may_be_left_out() -> None:
    text = "".join(line for line in DEVICE.splitlines(keepends=True) if not line.startswith("broker"))

    assert compile_texts(device=text).broker.transport == "none"


def test_two_pipelines_cannot_command_one_output() -> None:
    second = {
        name.replace("quality-control", "second"): content
        for name, content in sealed(shipped().replace("name: quality-control", "name: second")).items()
    }
    text = DEVICE.replace("[bundles/quality-control]", "[bundles/quality-control, bundles/second]")

    found = told(problems_of(device=text, files=second))

    assert [one.partition(": outputs")[2] for one in found if "outputs" in one] == [
        ".gate: pipeline 'quality-control' has output 'gate' (pulse) already (give it another name)",
        ".flow: pipeline 'quality-control' has output 'flow' (setpoint) already (give it another name)",
    ]


def test_the_plan_is_the_same_bytes_each_time_and_survives_its_own_encoding() -> None:
    plan = compile_texts()

    assert encode(plan) == encode(compile_texts())
    assert decode(encode(plan)) == plan


def test_the_digest_does_not_depend_on_where_things_are() -> None:
    moved = compile_texts(
        device=DEVICE.replace("/dev/serial/by-id/x", "/dev/ttyUSB7").replace("/var/lib/ripieno", "/srv")
    )
    other = compile_texts(device=DEVICE.replace("counts_per_mm: 10", "counts_per_mm: 11"))

    assert digest(moved) == digest(compile_texts())
    assert digest(other) != digest(compile_texts())


def test_a_pipeline_file_given_as_a_device_file_and_no_file_at_all_are_problems() -> None:
    assert problems_of(files={DEVICE_FILE: shipped().encode()})
    assert (
        problems_of(files={DEVICE_FILE: b"- 1\n- 2\n"})[0].message
        == "should be a mapping of keys to values (got a list of 2)"
    )
    assert (
        problems_of(files={f"{BUNDLE}/pipeline.yaml": b"5"})[0].message
        == "should be a mapping of keys to values (got 5)"
    )


WATCH = """\
ripieno: 1
name: watch
version: 1.0.0
inputs:
  top: {kind: frame, max_age: 200ms}
models:
  bead: {file: models/bead.int8.tflite, task: classify, labels: [normal, over, under]}
steps:
  look: {model: bead, input: top, deadline: 100ms, report: changes}
"""


def test_two_pipelines_may_share_an_input_that_both_declare_alike() -> None:
    text = DEVICE.replace("[bundles/quality-control]", "[bundles/quality-control, bundles/watch]")
    alike = {name.replace("quality-control", "watch"): content for name, content in sealed(WATCH).items()}
    other = {
        name.replace("quality-control", "watch"): content
        for name, content in sealed(WATCH.replace("200ms", "100ms")).items()
    }

    whole = joined(compile_texts(device=text, files=alike))

    assert [one.name for one in whole.inputs] == ["top", "photo_eye", "belt"]
    assert [one.name for one in whole.steps] == ["quality-control/look", "watch/look"]
    assert told(problems_of(device=text, files=other)) == [
        "bundles/watch/pipeline.yaml:5:3: inputs.top: pipeline 'quality-control' declares this input in another way "
        "(write it alike in both, or give it another name)"
    ]


@pytest.mark.parametrize(
    ("mode", "observed"),
    [
        ("", ()),
        ("mode: act\n", ()),
        ("mode: observe\n", ("quality-control", "watch")),
        ("mode: {watch: observe}\n", ("watch",)),
        ("mode: {watch: act}\n", ()),
    ],
)
def test_a_device_or_some_of_its_pipelines_only_observe_and_that_is_no_part_of_the_digest(
    mode: str, observed: tuple[str, ...]
) -> None:
    """Another digest would be another plan: the parts under way at a reload would be given up."""
    text = DEVICE.replace("[bundles/quality-control]", "[bundles/quality-control, bundles/watch]")
    watch = {name.replace("quality-control", "watch"): content for name, content in sealed(WATCH).items()}
    plan = compile_texts(device=text + mode, files=watch)

    assert plan.observe == observed
    assert digest(plan) == digest(compile_texts(device=text, files=watch))
    assert decode(encode(plan)) == plan


def test_a_mode_with_a_mistake_is_one_problem() -> None:
    assert len(problems_of(device=DEVICE + "mode: {quality-control: obsrve}\n")) == 1


def test_a_shift_is_the_longest_override_where_the_file_says_nothing() -> None:
    assert compile_texts().longest_override_ns == 8 * 3600 * 10**9
    assert compile_texts(device=DEVICE + "longest_override: 20min\n").longest_override_ns == 1200 * 10**9
