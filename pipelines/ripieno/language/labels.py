"""The labels of a model: a list in the pipeline file, or a text file of the bundle with one on each line."""

from __future__ import annotations

from .seal import Read

MOST = 10_000
LONGEST = 200  # the longest of ImageNet, as published, has 121


def labels_of(written: tuple[str, ...] | str, bundle: str, read: Read) -> tuple[str, ...]:
    """Return the labels in the model's order; an empty line at the end of a file is none.

    Raises:
        OSError: the file cannot be read.
        ValueError: what stands in it is no list of labels; the message says why.
    """
    if not isinstance(written, str):
        return written
    if written.startswith("/") or ".." in written.split("/"):
        raise ValueError(f"'{written}' leads out of the bundle")
    try:
        text = read(f"{bundle}/{written}").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{written} is not UTF-8 text") from None
    labels = tuple(line.strip() for line in text.rstrip().splitlines())
    if not labels:
        raise ValueError(f"{written} has no label in it")
    if len(labels) > MOST:
        raise ValueError(f"{written} has {len(labels)} lines; at most {MOST} labels are taken")
    for number, label in enumerate(labels, 1):
        if not 0 < len(label) <= LONGEST:
            raise ValueError(f"{written}, line {number}: a label has 1 to {LONGEST} letters, here are {len(label)}")
    return labels
