"""Which room may import which: the table of fclab/DESIGN.md, walked import by import."""

from __future__ import annotations

import pytest

from tests.meta.tree import SOURCES, dotted, imports, modules, tree

WORDS = ("fclab.errors", "fclab.model", "fclab.plain_text", "fclab.units")
"""The leaves: every room speaks in them, and they import only each other."""

RECORDS = ("fclab.engine.rows", "fclab.engine.tasks", "fclab.engine.failures", "fclab.engine.payload")
"""The engine's plain records and the making of outcomes: what crosses the seam to a backend. They know no rule of the platform."""

ROOMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(WORDS, WORDS),
    "fclab.forks": WORDS,
    "fclab.grid": (),
    "fclab.idempotency": (),
    "fclab.web": (),
    "fclab.usage": (*WORDS, "fclab.grid"),
    "fclab.clock": WORDS,
    "fclab.readiness": (),
    "fclab.wall_clock": (*WORDS, "fclab.clock", "fclab.readiness"),
    "fclab.engine": (
        *WORDS, "fclab.clock", "fclab.usage", "fclab.grid", "fclab.observe.events", "fclab.observe.hooks",
        "fclab.observe.recording", "fclab.queues.base", "fclab.backends.base",
    ),
    "fclab.queues": (*WORDS, "fclab.forks"),
    "fclab.backends": (*WORDS, "fclab.clock", "fclab.wall_clock", "fclab.packages", *RECORDS),
    "fclab.packages": WORDS,
    "fclab.sources": (
        *WORDS, "fclab.grid", "fclab.clock", "fclab.forks", "fclab.observe.events", "fclab.observe.series", "fclab.queues.errors",
        "fclab.engine.depths", "fclab.packages.checksum",
    ),
    "fclab.observe": (*WORDS, "fclab.usage", "fclab.grid"),
    "fclab.views": WORDS,
    "fclab.teach": (*WORDS, "fclab.observe", "fclab.views", "fclab.lab", "fclab.grid"),
    "fclab_widgets": ("fclab.errors", "fclab.units", "fclab.observe"),
}  # fmt: skip

COMPOSERS = ("fclab", "fclab.lab", "fclab.controls")
"""They put the rooms together: everything but what stands on them."""

ABOVE = ("fclab.teach", "fclab.cli", "fclab.commands", "fclab.server", "fclab_widgets")

SERVER = "fclab.server"
"""The HTTP face: it may import the lab and all that it composes, and the command imports it."""

TOP = ("fclab.cli", "fclab.commands", "fclab.__main__")
"""The command may import everything but the widgets."""

EXCUSED: dict[tuple[str, str], str] = {
    ("fclab.views", "fclab_widgets"): "the one lazy door to the widgets",
    ("fclab.controls.serving", "fclab.server"): "lab.serve(), the one lazy door to the server",
}


def _public(target: str) -> bool:
    """`from fclab import Lab`: a name of the package itself, as a learner would import it."""
    rooms = (*ROOMS, *COMPOSERS[1:], *ABOVE)
    return target == "fclab" or (target.count(".") == 1 and target.startswith("fclab.") and not inside(target, rooms))


def inside(name: str, rooms: tuple[str, ...]) -> bool:
    return any(name == room or name.startswith(f"{room}.") for room in rooms)


def allowed(module: str, target: str) -> bool:
    """Whether `module` may import `target`, a dotted name of ours."""
    if any(inside(module, (who,)) and inside(target, (whom,)) for who, whom in EXCUSED):
        return True
    if inside(module, TOP):
        return not inside(target, ("fclab_widgets",))
    if inside(module, (SERVER,)):
        return inside(target, (SERVER, *ROOMS, *COMPOSERS)) and not inside(target, tuple({*ABOVE} - {SERVER}))
    for room, may in ROOMS.items():
        if inside(module, (room,)):
            return inside(target, (room, *may)) or (room == "fclab.teach" and _public(target))
    return inside(module, COMPOSERS) and not inside(target, ABOVE)


@pytest.mark.parametrize("path", modules(*SOURCES))
def test_imports_follow_the_table(path: str) -> None:
    wrong = [
        f"line {line}: {target}"
        for target, line in imports(tree(path))
        if inside(target, ("fclab", "fclab_widgets")) and not allowed(dotted(path), target)
    ]
    assert not wrong, f"{dotted(path)} may not import these (see fclab/DESIGN.md, Rooms): {wrong}"


def test_every_module_has_a_room() -> None:
    rooms = (*ROOMS, *TOP, *COMPOSERS[1:], SERVER)
    homeless = [name for name in map(dotted, modules(*SOURCES)) if not inside(name, rooms) and name != "fclab"]
    assert not homeless, "give the module a line in ROOMS, or COMPOSERS"


def test_the_walker_sees_what_it_must() -> None:
    import ast

    source = "import a.b\nfrom c import d\nif TYPE_CHECKING:\n    import e\ndef f():\n    import g\n"
    assert [name for name, _ in imports(ast.parse(source))] == ["a.b", "c.d", "g"]
    assert [name for name, _ in imports(ast.parse(source), lazy=False)] == ["a.b", "c.d"]
    assert not allowed("fclab.engine.pool", "fclab.lab.Lab")
    assert not allowed("fclab.observe.spans", "fclab.engine.pool")
    assert not allowed("fclab.lab", "fclab_widgets.Timeline")
    assert not allowed("fclab.engine.pool", "fclab.queues.memory")
    assert allowed("fclab.engine.pool", "fclab.queues.base.Lease")
    assert not allowed("fclab.controls.triggers", "fclab.server.endpoint")
    assert not allowed("fclab.server.app", "fclab.commands.serve")
    assert allowed("fclab.server.endpoint", "fclab.lab.Lab")
    assert allowed("fclab.views", "fclab_widgets.Timeline")
