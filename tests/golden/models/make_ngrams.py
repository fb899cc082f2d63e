"""Write ngrams.json: the features of sentences of our own, to the last bit, as ngrams.py makes them now.

`python tests/golden/models/make_ngrams.py`. Models are trained on these numbers: what changes them needs new models.
"""

from __future__ import annotations

import json
from pathlib import Path

from ripieno.models.ngrams import features, normalised, words_of

CASES = (
    ("The gate on line three jams whenever it rains.", 4096),
    ("the the the", 4096),
    ("ﬁx Ｐump №5, 12.50 €!", 4096),
    ("Größe zu groß? Straße & ÇA VA…", 4096),
    ("ماكينة 7 متوقفة", 4096),
    ("a", 4096),
    ("Please book a second look at tray B.", 64),
)


def main() -> None:
    """Write the file beside this one."""
    golden = [
        {
            "text": text,
            "buckets": buckets,
            "features": {
                str(bucket): value.hex()
                for bucket, value in sorted(features(words_of(normalised(text)), buckets).items())
            },
        }
        for text, buckets in CASES
    ]
    lines = json.dumps(golden, ensure_ascii=False, indent=1) + "\n"
    Path(__file__).with_name("ngrams.json").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()
