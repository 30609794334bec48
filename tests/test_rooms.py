"""The layer rule by symbols: what the objects of a room really call.

An #include says what a file may see; nm says what it takes. A symbol that one
room leaves undefined and another defines is an arrow, whatever header named
it. No circles: neither between rooms (ROOMS has none) nor between the files
of a room. DMS_BUILD is the build folder."""
import functools
import os
import pathlib
import subprocess
import tempfile
import unittest

from test_layers import ROOMS

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", ROOT / "build"))
# Circles that stay, each with its reason in ARCHITECTURE.md.
CIRCLES_KEPT = []


def objects():
    """room -> the objects of its sources; not of those that have gone"""
    found = {room: sorted(BUILD.glob(
        f"CMakeFiles/room_{room}.dir/src/{room}/*.o")) for room in ROOMS}
    return {room: [path for path in paths
                   if (ROOT / "src" / room / path.stem).exists()]
            for room, paths in found.items()}


@functools.lru_cache(maxsize=None)
def symbols(path):
    """What an object defines for others, and what it wants of them."""
    defined, wanted = set(), set()
    lines = subprocess.run(["nm", "--extern-only", str(path)], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    for line in lines:
        kind, name = line.split()[-2:]
        (wanted if kind in "Uw" else defined).add(name)
    return defined, wanted


def file_arrows(rooms):
    """(room, file) -> {(room, file): the symbols that the first takes}"""
    tables = {(room, path.name.split(".")[0]): symbols(path)
              for room, paths in rooms.items() for path in paths}
    home = {name: place for place, (defined, _) in tables.items()
            for name in defined}
    arrows = {}
    for place, (_, wanted) in tables.items():
        arrows[place] = {}
        for name in sorted(wanted):
            if name in home and home[name] != place:
                arrows[place].setdefault(home[name], []).append(name)
    return arrows


def breaches(rooms):
    """Arrows between rooms that the layer rule does not have."""
    found = []
    for (room, file), targets in file_arrows(rooms).items():
        for (other, _), names in targets.items():
            if other != room and other not in ROOMS[room]:
                found.append(f"{room}/{file} -> {other}: {', '.join(names)}")
    return found


def circles(rooms):
    """Files that take of each other, by way of any number of others."""
    arrows = file_arrows(rooms)
    reach = {}
    for start in arrows:
        seen, ahead = set(), list(arrows[start])
        while ahead:
            place = ahead.pop()
            if place not in seen:
                seen.add(place)
                ahead.extend(arrows[place])
        reach[start] = seen
    groups = {tuple(sorted("/".join(other) for other in reach[place]
                           if place in reach[other]))
              for place in arrows if place in reach[place]}
    return [list(group) for group in sorted(groups)]


def rule_circles():
    """Rooms of the rule itself from which an arrow leads back to them."""
    def below(room, seen):
        for other in ROOMS[room] - seen:
            seen.add(other)
            below(other, seen)
        return seen
    return [room for room in ROOMS if room in below(room, set())]


class Rooms(unittest.TestCase):
    def test_every_room_has_been_built(self):
        self.assertEqual([room for room, paths in objects().items()
                          if not paths], [])

    def test_the_rule_itself_has_no_circle(self):
        self.assertEqual(rule_circles(), [])

    def test_rooms_call_only_the_rooms_below_them(self):
        self.assertEqual(breaches(objects()), [])

    def test_a_planted_call_upwards_is_found(self):
        source = ("int dms_train(void);\nint planted(void);\n"
                  "int planted(void) { return dms_train(); }\n")
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "planted.c"
            path.write_text(source, encoding="utf-8")
            made = path.with_suffix(".o")
            subprocess.run(["cc", "-c", str(path), "-o", str(made)],
                           check=True)
            rooms = objects()
            rooms["graph"] = rooms["graph"] + [made]
            self.assertEqual(breaches(rooms),
                             ["graph/planted -> train: dms_train"])

    def test_no_files_go_in_circles(self):
        self.assertEqual(circles(objects()), CIRCLES_KEPT)


if __name__ == "__main__":
    unittest.main()
