"""An image pipeline, whole: a photo is put, a function shrinks it with Pillow, another one records the size of the result."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from PIL import Image

from fclab import Lab, OSSTrigger
from fclab.observe import events as e
from fclab.sources.hub import LoopDetected


def photo(width: int, height: int) -> bytes:
    """A real JPEG: a gradient."""
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def thumbnail(event: bytes, context: Any) -> str:
    import io
    import json

    from PIL import Image

    about = json.loads(event)["events"][0]["oss"]
    bucket, key = about["bucket"]["name"], about["object"]["key"]
    image = Image.open(io.BytesIO(context.objects.get(bucket, key)))
    image.thumbnail((64, 64))
    file = io.BytesIO()
    image.save(file, "JPEG")
    context.objects.put(bucket, key.replace("in/", "out/"), file.getvalue(), meta={"of": key})
    return f"{image.width}x{image.height}"


def register(event: bytes, context: Any) -> None:
    import io
    import json

    from PIL import Image

    about = json.loads(event)["events"][0]["oss"]
    bucket, key = about["bucket"]["name"], about["object"]["key"]
    image = Image.open(io.BytesIO(context.objects.get(bucket, key)))
    entry = {"key": key, "bytes": about["object"]["size"], "pixels": [image.width, image.height]}
    context.objects.append("report", "sizes.jsonl", json.dumps(entry) + "\n")


@pytest.mark.parametrize("backend", ["virtual", "process"])
def test_a_photo_becomes_a_thumbnail_and_a_line_in_the_report(backend: str) -> None:
    with Lab(backend) as lab:
        lab.function(timeout=60)(thumbnail)
        lab.function(timeout=60)(register)
        lab.trigger("thumbnail", OSSTrigger(bucket="photos", events=["oss:ObjectCreated:PutObject"], prefix="in/", suffix=".jpg"))
        lab.trigger("register", OSSTrigger(bucket="photos", prefix="out/"))
        lab.objects.put("photos", "in/a.jpg", photo(640, 480))
        lab.objects.put("photos", "in/notes.txt", "not a photo")
        lab.run()

        made = lab.objects.head("photos", "out/a.jpg")
        assert (made["content_type"], made["meta"]) == ("image/jpeg", {"of": "in/a.jpg"})
        image = Image.open(io.BytesIO(lab.objects.get("photos", "out/a.jpg")))
        assert (image.format, image.size) == ("JPEG", (64, 48))
        (line,) = lab.objects.get("report", "sizes.jsonl").decode().splitlines()
        assert json.loads(line) == {"key": "out/a.jpg", "bytes": made["size"], "pixels": [64, 48]}

        assert lab.recording.chain(1).graph == {"requests": (1, 2), "causes": {2: 1}}
        accepted = [event for event in lab.recording.events if isinstance(event, e.RequestAccepted)]
        assert [(event.function, event.cause) for event in accepted] == [("thumbnail", 0), ("register", 1)]
        changed = [event for event in lab.recording.events if isinstance(event, e.SourceChanged)]
        assert [(event.request, event.instance, event.source, event.what) for event in changed] == [
            (0, "", "objects photos", "ObjectCreated:PutObject in/a.jpg"),
            (0, "", "objects photos", "ObjectCreated:PutObject in/notes.txt"),
            (1, "thumbnail#1", "objects photos", "ObjectCreated:PutObject out/a.jpg"),
            (2, "register#1", "objects report", "ObjectCreated:AppendObject sizes.jsonl"),
        ]


def test_the_pipeline_runs_the_same_every_time() -> None:
    def run() -> list[str]:
        lab = Lab(seed=3)
        lab.function(timeout=60)(thumbnail)
        lab.trigger("thumbnail", OSSTrigger(bucket="photos", prefix="in/"))
        for number in range(3):
            lab.objects.put("photos", f"in/{number}.jpg", photo(100 + number, 100))
        lab.run()
        return [str(event) for event in lab.recording.events]

    assert run() == run()


def test_a_function_that_writes_where_it_watches_is_a_loop() -> None:
    lab = Lab()

    @lab.function
    def stamps(event: bytes, context: Any) -> None:
        key = json.loads(event)["events"][0]["oss"]["object"]["key"]
        context.objects.put("photos", f"{key}+", context.objects.get("photos", key))

    lab.trigger("stamps", OSSTrigger(bucket="photos", prefix=""))
    lab.objects.put("photos", "a", b"1")
    with pytest.raises(LoopDetected, match="Trigger 'oss' of 'stamps' would call it for the 17th time in one chain"):
        lab.run()
    keys = [one["key"] for one in lab.objects.list("photos")["objects"]]
    assert keys == ["a" + "+" * times for times in range(17)]
    assert [event.kind for event in lab.recording.events].count("LoopStopped") == 1
    (kept,) = lab.triggers()[0].undelivered
    assert kept.reason == "LoopDetected"


def test_a_deleted_and_a_disabled_trigger_see_nothing() -> None:
    lab = Lab()
    seen: list[str] = []

    @lab.function
    def sees(event: bytes, context: Any) -> None:
        seen.append(json.loads(event)["events"][0]["oss"]["object"]["key"])

    handle = lab.trigger("sees", OSSTrigger(bucket="photos"))
    lab.objects.put("photos", "a", b"")
    handle.disable()  # the event of `a` is stored already: it waits
    lab.objects.put("photos", "b", b"")
    lab.run()
    assert seen == []
    handle.enable()
    lab.objects.put("photos", "c", b"")
    lab.run()
    assert seen == ["a", "c"]
    handle.delete()
    lab.objects.put("photos", "d", b"")
    lab.run()
    assert seen == ["a", "c"]
