"""Files made to hurt, from a seed: `python -m language.hostile 10000` (in tests/) checks each and says what it cost.

Each is refused within LIMIT_S of processor time and LIMIT_BYTES more of memory, or compiles into a plan whose size is
bounded by its own. Memory is held by the kernel (RLIMIT_AS): a file that wants more ends in MemoryError, a failure.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ripieno.language.pipeline import compile_pipeline
from ripieno.language.problems import Problems
from ripieno.plan import BrokerPlan, Plan, StoragePlan, encode

LIMIT_S = 0.1
LIMIT_BYTES = 50_000_000
GROWTH = 150  # bytes of plan for a byte of file, at most: a workflow of 1,000 steps is small when written
HERE = "b"
ROOT = Path(__file__).parents[2]
REAL = [path.read_text() for path in sorted((ROOT / "docs" / "examples" / "pipelines").glob("*/pipeline.yaml"))]

HEAD = """ripieno: 1
name: x
version: 1.0.0
inputs:
  a: {kind: reading, fields: {x: bar, y: bar}, max_age: 1s}
  m: {kind: message, fields: {t: text, n: number}}
outputs:
  o: {kind: message}
"""
LOOKALIKES = {"a": "а", "e": "е", "o": "о", "p": "р", "c": "с", "i": "і", ":": "：", "-": "‐", " ": "\u00a0", "=": "＝"}
ODD = ["\u202e", "\u200b", "\ufeff", "\x00", "\x1b", "\u2028", "\x85", "\ud7ff", "￼", "𝐚", "ｌ", "\t"]
DUNDERS = ["__class__", "__import__", "_x", "a__b", "__", "__globals__", "mro", "f__"]
VOCABULARY = """
a.x a.y m.t m.n x y and or not in if else == != < <= > >= + - * / ( ) [ ] , . "t" 'u' 1 0.5 60s 5% 10mm 3bar true false
share( mean( since( quantile( changed( last=10s min=3 abs( round( max( lambda yield await : ** // % @ := ... __class__
a.__dict__ 1e400 9**9**9 0x10 1_0 é о \\
"""
WORDS = VOCABULARY.split()


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a file."""

    kind: str
    refused: bool
    took_s: float
    wrong: str


def files(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield (kind, content), the kinds in turn."""
    chance = random.Random(seed)
    kinds = list(MAKERS.items())
    for number in range(count):
        kind, make = kinds[number % len(kinds)]
        made = make(chance)
        yield kind, made if isinstance(made, bytes) else made.encode("utf-8", "surrogatepass")


def check(kind: str, content: bytes, limit_s: float = LIMIT_S) -> Result:
    """Compile a file, and say what is wrong with how that went."""
    problems = Problems()
    began_s = time.process_time()
    wrong, found = "", None
    try:
        found = compile_pipeline(HERE, _reader(content), problems)
    except MemoryError:
        wrong = "wants more memory"
    except Exception as error:
        wrong = f"raised {type(error).__name__}: {error}"[:200]
    took_s = time.process_time() - began_s
    told = [one for one in problems.ordered() if "manifest" not in one.message and "is not what" not in one.message]
    refused = found is None or bool(told)
    if not wrong and refused and took_s > limit_s:
        wrong = f"refused after {took_s * 1000:.0f} ms"
    if not wrong and refused and not told:
        wrong = "refused without a word"
    if not wrong and not refused and found is not None and found.plan is not None:
        size = len(
            encode(Plan(1, "", "", "auto", (found.plan,), (), BrokerPlan("none", "", 0, ""), StoragePlan("", 0, 0)))
        )
        if size > GROWTH * len(content):
            wrong = f"{len(content)} bytes became a plan of {size}"
    return Result(kind, refused, took_s, wrong)


def _reader(content: bytes) -> Callable[[str], bytes]:
    manifest = json.dumps({"format": 1, "files": {}, "models": {}}).encode()
    files = {f"{HERE}/pipeline.yaml": content, f"{HERE}/manifest.json": manifest, f"{HERE}/labels.txt": b"a\nb\n"}

    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory")
        return files[path]

    return read


def _deep(chance: random.Random) -> str:
    many = chance.randint(10, 60_000)
    return HEAD + chance.choice(
        [
            "steps: " + "[" * many,
            "steps: " + "{a: " * (many // 4),
            "steps:\n" + "\n".join(" " * n + "a:" for n in range(min(many, 600))),
            "steps: " + "- " * many,
            "? " * many,
            "rules:\n  r: {when: '" + "(" * min(many, 3000) + "', do: o.send()}",
            "rules:\n  r: {when: '" + "not " * min(many, 900) + "true', do: o.send()}",
            "rules:\n  r: {when: '" + "-" * min(many, 3000) + "1 > 2', do: o.send()}",
            "rules:\n  r: {when: 'a" + ".x" * min(many, 1200) + "', do: o.send()}",
            "rules:\n  r: {when: '" + "1 if a.x > 1 else " * min(many, 120) + "2 > 1', do: o.send()}",
        ]
    )


def _huge(chance: random.Random) -> str:
    many = chance.randint(100, 3_000)
    return HEAD + chance.choice(
        [
            "steps: [" + "1," * (many * 30) + "1]",
            "rules:\n" + "".join(f"  r{n}: {{when: a.x > {n}, do: o.send()}}\n" for n in range(500, 500 + many)),
            "rules:\n" + "".join(f"  r{n}: {{whn: a.x > {n}, do: o.send()}}\n" for n in range(many)),
            "steps:\n" + "".join(f"  s{n}: {{map: {{v: t{n}.x}}}}\n" for n in range(many)),
            "rules:\n  r: {when: a.x > 1, do: o.send(" + ", ".join(f"k{n}=a.x" for n in range(many)) + ")}",
            "rules:\n  r: {when: '" + " and ".join(["a.x > 1"] * many) + "', do: o.send()}",
            f"name: {'x' * many * 60}",
            "version: " + "9" * many * 60,
            "x" * 300_000,
            "inputs:\n" + "".join(f"  i{n}: {{kind: edge}}\n" for n in range(many)),
            "".join(f"k{n}: 1\n" for n in range(many)),
            f"rules:\n  r: {{when: 'a.x > {'9' * many}', do: o.send()}}",
        ]
    )


def _tagged(chance: random.Random) -> str:
    lines = chance.choice(REAL).split("\n")
    at = chance.randrange(len(lines))
    odd = chance.choice(
        ["&a", "*a", "!!python/object/apply:os.system [ls]", "!x", "!!binary aGk=", "!<tag:y,2002:int> 5", "<<: *a"]
    )
    key, colon, value = lines[at].partition(": ")
    lines[at] = f"{key}: {odd} {value}" if colon else f"x: {odd}"
    start = chance.choice(["", "", "%YAML 1.1\n---\n", "%TAG ! tag:x,2000:\n---\n", "---\na: 1\n---\n"])
    return start + "\n".join(lines)


def _bomb(chance: random.Random) -> str:
    levels = chance.randint(2, 30)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def _lookalike(chance: random.Random) -> str:
    text = list(chance.choice(REAL))
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text))
        if chance.random() < 0.6:
            text[at] = LOOKALIKES.get(text[at], text[at] + "\u0301")
        else:
            text.insert(at, chance.choice(ODD))
    return "".join(text)


def _dunder(chance: random.Random) -> str:
    text = chance.choice(REAL)
    words = sorted({word for word in text.replace(":", " ").replace(".", " ").split() if word.isalpha()})
    return text.replace(chance.choice(words), chance.choice(DUNDERS))


def _expression(chance: random.Random) -> str:
    words = (chance.choice(WORDS) for _ in range(chance.randint(1, 60)))
    text = chance.choice([" ", ""]).join(words).replace("'", "''")
    key = chance.choice(["rules:\n  r: {{when: '{0}', do: o.send()}}", "rules:\n  r: {{when: a.x > 1, do: '{0}'}}"])
    more = chance.choice(["", "steps:\n  s: {{map: {{v: '{0}'}}}}\n"])
    return HEAD + (more + key).format(text)


def _mutant(chance: random.Random) -> bytes:
    content = bytearray(chance.choice(REAL).encode())
    for _ in range(chance.randint(1, 12)):
        at = chance.randrange(len(content))
        match chance.randint(0, 3):
            case 0:
                content[at] = chance.randrange(256)
            case 1:
                del content[at : at + chance.randint(1, 40)]
            case 2:
                content[at:at] = content[at : at + chance.randint(1, 200)]
            case _:
                content[at:at] = chance.choice([b"{", b"}", b"[", b"'", b'"', b"\n", b": ", b"  ", b"\t", b"#", b"|\n"])
        if not content:
            return b""
    return bytes(content)


def _shuffled(chance: random.Random) -> str:
    first, second = chance.choice(REAL).split("\n"), chance.choice(REAL).split("\n")
    cut, other = chance.randrange(len(first)), chance.randrange(len(second))
    lines = first[:cut] + second[other:]
    for _ in range(chance.randint(0, 6)):
        a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines[a], lines[b] = lines[b], lines[a]
    return "\n".join(lines)


def _unfolding(chance: random.Random) -> str:
    levels, wide = chance.randint(1, 12), chance.randint(1, 12)
    text = "".join(
        f"  w{n}:\n    takes: {{v: number}}\n    steps:\n"
        + "".join(f"      s{one}: {{workflow: w{n + 1}, given: {{v: given.v + given.v}}}}\n" for one in range(wide))
        + "    gives: {x: "
        + " + ".join(f"s{one}.x" for one in range(wide))
        + "}\n"
        for n in range(levels)
    )
    loop = chance.random() < 0.3
    last = f"  w{levels}:\n    takes: {{v: number}}\n    steps: {{s: {{map: {{x: given.v}}}}}}\n    gives: {{x: s.x}}\n"
    last = (
        f"  w{levels}: {{takes: {{v: number}}, steps: {{s: {{workflow: w0}}}}, gives: {{x: s.x}}}}\n" if loop else last
    )
    steps = "steps:\n  top: {workflow: w0, given: {v: a.x}}\n"
    return HEAD + steps + "workflows:\n" + text + last + "rules:\n  r: {when: top.x > 1, do: o.send()}\n"


def _chained(chance: random.Random) -> str:
    many = chance.randint(2, 300)
    ring = chance.random() < 0.7
    first = f"s{many - 1}.v" if ring else "a.x"
    steps = ""
    for number in range(many):
        before = f"s{number - 1}.v" if number else first
        other = f"s{chance.randrange(many)}.v" if ring else "a.y"
        steps += f"  s{number}: {{map: {{v: {before} + {other}}}}}\n"
    return HEAD + "steps:\n" + steps + f"rules:\n  r: {{when: s{many - 1}.v > 1, do: o.send()}}\n"


MAKERS: dict[str, Callable[[random.Random], str | bytes]] = {
    "deep": _deep,
    "huge": _huge,
    "tags and anchors": _tagged,
    "alias bombs": _bomb,
    "look-alikes": _lookalike,
    "names with __": _dunder,
    "expressions": _expression,
    "mutants": _mutant,
    "shuffled": _shuffled,
    "unfolding": _unfolding,
    "chains and rings": _chained,
}


def hold_memory(more: int = LIMIT_BYTES) -> None:
    """Let this process take so much more address space and no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def main() -> int:
    """Check so many files; exit 1 if one went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit-ms", type=float, default=LIMIT_S * 1e3, help="of processor time, for one file")
    arguments = parser.parse_args()
    for text in REAL:  # what is built at the first use is no file's cost
        check("warm", text.encode())
    hold_memory()
    results = []
    for kind, content in files(arguments.count, arguments.seed):
        results.append(check(kind, content, arguments.limit_ms / 1e3))
        if results[-1].wrong:
            print(f"{kind}: {results[-1].wrong}: {content[:300]!r}", file=sys.stderr)
    took = sorted(one.took_s for one in results if one.refused)
    summary = {
        "files": len(results),
        "refused": len(took),
        "compiled": len(results) - len(took),
        "wrong": sum(bool(one.wrong) for one in results),
        "refused_ms": {
            "median": took[len(took) // 2] * 1e3,
            "p99": took[len(took) * 99 // 100] * 1e3,
            "most": took[-1] * 1e3,
        },
        "kinds": Counter(one.kind for one in results),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    print(json.dumps(summary, indent=2))
    return 1 if summary["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
