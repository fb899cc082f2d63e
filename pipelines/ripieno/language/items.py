"""Items: which moves and which stands, and whether what they name is there."""

from __future__ import annotations

from .hints import hints_of
from .names import check_name, entries
from .nearest import did_you_mean, nearest
from .sections.inputs import EdgeInput, FrameInput, MessageInput, PositionInput
from .sections.items import MovingItem, StandingItem
from .shape import build, is_mapping, join
from .source import Node
from .world import World


class Items:
    """The items of one file."""

    def __init__(self, world: World, root: Node) -> None:
        self._world = world
        for name, (node, _) in entries(root, "items").items():
            path = join("items", name)
            if not is_mapping(node, path, world.report):
                continue
            if self._never_begins(node, path):
                continue
            cls: type[MovingItem] | type[StandingItem] = StandingItem if self._stands(node) else MovingItem
            made, world.nodes[path] = build(cls, node, path, world.report)
            if made is not None:
                world.items[name] = made

    def check(self, at_places: list[str]) -> None:
        """Report what is wrong with them. `at_places`: the places that steps name."""
        for name, item in self._world.items.items():
            if isinstance(item, MovingItem):
                self._check_moving(f"items.{name}", item, at_places)
            else:
                self._check_standing(name, item)

    def _stands(self, node: Node) -> bool:
        """Whether an item is meant to stand: its input says so, else its keys do."""
        starts = node.mapping.get("starts")
        name = starts.text.partition(".")[0] if starts is not None else ""
        begins = self._world.inputs.get(name)
        if begins is not None and not isinstance(begins, FrameInput):
            return isinstance(begins, MessageInput)
        likes = [
            sum(nearest(key, hints_of(cls)) is not None for key in node.mapping) for cls in (MovingItem, StandingItem)
        ]
        return likes[1] > likes[0]

    def _never_begins(self, node: Node, path: str) -> bool:
        """Whether an item is to begin with an input that begins none; reports it."""
        starts = node.mapping.get("starts")
        begins = self._world.inputs.get(starts.text.partition(".")[0]) if starts is not None else None
        if starts is None or begins is None or isinstance(begins, (EdgeInput, FrameInput, MessageInput, PositionInput)):
            return False
        what = f"no item begins with a {begins.kind} ('{starts.text[:60]}')"
        hint = "a message or frame input, or an edge: photo_eye.rising"
        self._world.report.add(starts.line, starts.column, join(path, "starts"), what, hint)
        return True

    def _check_moving(self, path: str, item: MovingItem, at_places: list[str]) -> None:
        world = self._world
        source, _, edge = item.starts.partition(".")
        if edge != "rising":
            near = "rising" if nearest(edge, ["rising"]) else ""
            hint = f"did you mean '{source}.rising'?" if near else "such as photo_eye.rising; or a message input"
            world.at(path, "starts", f"should be an edge input's rising edge (got '{item.starts[:60]}')", hint)
        else:
            world.use_input(path, "starts", source, EdgeInput, "an edge input")
        world.use_input(path, "follows", item.follows, PositionInput, "a position input")
        section = world.nodes[path].mapping["places"]
        for place in item.places:
            check_name(place, section.keys[place], f"{path}.places.{place}", world.report, False)
        if item.decide_before not in item.places:
            hint = did_you_mean(item.decide_before, item.places)
            world.at(path, "decide_before", f"there is no place '{item.decide_before}'", hint)
            misspelt_place(world, path.removeprefix("items."), item, item.decide_before, "decide_before", at_places)
        elif not any(mm < item.places[item.decide_before] for mm in item.places.values()) and len(item.places) > 1:
            world.at(path, "decide_before", f"no other place comes before '{item.decide_before}'")

    def _check_standing(self, name: str, item: StandingItem) -> None:
        world, path = self._world, f"items.{name}"
        begins = FrameInput if isinstance(world.inputs.get(item.starts), FrameInput) else MessageInput
        if not world.use_input(
            path, "starts", item.starts, begins, "a message or frame input, or an edge: photo_eye.rising"
        ):
            return
        first = world.item_of_input(item.starts)
        if first != name:
            line = world.names.line("item", first)
            came = "messages" if begins is MessageInput else "pictures"
            what = f"item '{first}' begins with the {came} of '{item.starts}' already"
            world.at(path, "starts", what, f"line {line}; let a route tell its kinds apart")
        if item.key is None:
            return
        if begins is FrameInput:
            world.at(path, "key", f"is the name that the picture came with: {item.starts}.key", "remove it")
            return
        fields = world.inputs[item.starts].fields
        if item.key not in fields:
            what = f"input '{item.starts}' has no field '{item.key}'"
            world.at(path, "key", what, did_you_mean(item.key, fields))
            at = world.nodes[path].mapping["key"]
            kinds = (f"field of {item.starts}",)
            world.names.miss(item.key, kinds, at.line, f"{path}.key", world.report)
        elif fields[item.key] == "bool":
            world.at(path, "key", "should be a text or a number: true and false tell only two items apart")
        else:
            world.names.mark(f"field of {item.starts}", item.key)


def misspelt_place(world: World, name: str, item: MovingItem, wanted: str, by: str, named: list[str]) -> None:
    """Report a place that nothing names while its like is named and is not there. `named`: by steps."""
    used = {item.decide_before, *world.outputs, *named}
    near = nearest(wanted, [place for place in item.places if place not in used])
    if near is not None:
        line, column = world.nodes[f"items.{name}"].mapping["places"].keys[near]
        message = f"is used nowhere, while {by} names '{wanted}'"
        world.report.add(line, column, f"items.{name}.places.{near}", message, f"did you mean '{wanted}'?")
