"""Verdicts on items that stand: which words there are, who waits for which, and where an undecided one goes."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.plan import Const, Expression, Not

from .expressions.contradictions import contradiction
from .expressions.typed import Typed
from .nearest import did_you_mean
from .sections.items import StandingItem
from .sections.rules import Rule
from .shape import join
from .source import Node
from .world import World

UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A rule that decides, and its condition."""

    name: str
    tree: Expression


class Verdicts:
    """What the rules of one file say of items that stand."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._words: dict[str, dict[str, None]] = {}  # item kind -> words, in the order of the file
        self._earlier: dict[str, list[_Earlier]] = {}
        self._waits: set[tuple[str, str]] = set()
        self._used: dict[str, None] = {}  # item kinds that rules name
        self._all_read = True

    def note(self, rule: Rule) -> None:
        """Note the word of a rule, before any is read: a rule may wait for the word of a later one."""
        if rule.each is not None:
            self._used[rule.each] = None
        if rule.each is not None and rule.verdict is not None:
            self._words.setdefault(rule.each, {})[rule.verdict] = None
        if rule.each is not None and rule.after is not None:
            self._waits.add((rule.each, rule.after))

    def note_unread(self, node: Node) -> None:
        """Note a rule that has problems: what it would have said is not known."""
        self._all_read = False
        each, verdict = node.mapping.get("each"), node.mapping.get("verdict")
        if each is not None and verdict is not None:
            self._words.setdefault(each.text, {})[verdict.text] = None

    def check_after(self, each: str, name: str, word: str, node: Node, path: str) -> None:
        """Report `after: ITEM.VERDICT` of which nothing comes."""
        report = self._world.report
        if name != each:
            hint = f"such as {each}.{word if word in self._known(each) else UNDECIDED}"
            report.add(node.line, node.column, path, f"a rule for each {each} waits for its own verdict", hint)
        elif word not in self._known(each):
            what = f"no rule says '{word}' of a {each}"
            report.add(node.line, node.column, path, what, did_you_mean(word, self._known(each)))

    def take(self, each: str, name: str, rule: Rule, node: Node, path: str, when: Typed | None) -> str:
        """Return the word that a rule gives, "" for none."""
        word = rule.verdict
        if word is None:
            return ""
        at = node.mapping["verdict"]
        path, report = join(path, "verdict"), self._world.report
        if rule.after is not None:
            what = "is decided already when this rule begins"
            report.add(at.line, at.column, path, f"a {each} {what}", "remove 'verdict', or 'after'")
        elif word == UNDECIDED:
            what = f"'{UNDECIDED}' is what an item is without a verdict"
            report.add(at.line, at.column, path, what, "another word; or no rule")
        if when is not None and not when.is_poison and not isinstance(when.tree, Const):
            earlier = self._earlier.setdefault(each, [])
            first = next((one for one in earlier if contradiction((Not(one.tree), when.tree))), None)
            if first is not None:
                place = node.mapping["when"]
                what = f"never decides: where it holds, rule '{first.name}' has decided"
                hint = "put it before that rule, or narrow that one"
                report.add(place.line, place.column, path.replace("verdict", "when"), what, hint)
            earlier.append(_Earlier(name, when.tree))
        return word

    def check(self) -> None:
        """Report items that rules decide and that go nowhere undecided."""
        if not self._all_read:
            return
        for each in self._used:
            item = self._world.items.get(each)
            if isinstance(item, StandingItem) and each not in self._words:
                node = self._world.nodes[f"items.{each}"]
                hint = f"give a rule {{each: {each}, when: ..., verdict: WORD}}"
                self._world.report.add(
                    node.line, node.column, f"items.{each}", f"no rule decides '{each}': each is undecided", hint
                )
        for each in self._words:
            item = self._world.items.get(each)
            wanted = f"{each}.{UNDECIDED}"
            if not isinstance(item, StandingItem) or (each, wanted) in self._waits:
                continue
            node = self._world.nodes[f"items.{each}"]
            what = f"an undecided {each} goes nowhere"
            hint = f"a rule {{each: {each}, after: {wanted}, do: ...}}"
            self._world.report.add(node.line, node.column, f"items.{each}", what, hint)

    def _known(self, each: str) -> list[str]:
        return [*self._words.get(each, {}), UNDECIDED]
