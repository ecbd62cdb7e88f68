"""What sources do because it is time is nobody's doing: captions, hops and the picture say so."""

from __future__ import annotations

from typing import Any

from fclab import AlarmTrigger, CDNTrigger, Lab, TimerTrigger
from fclab.controls.desks import hub_of
from fclab.observe.captions import tell
from fclab.observe.chain import layout
from fclab.observe.moments import moments
from fclab.observe.svg_chain import chain_svg

DOMAIN = "images.example.com"


def ran() -> Lab:
    """A timer, an alarm and a CDN task of a handler, each with what it sets off."""
    lab = Lab(profile="instant")

    @lab.function
    def refreshes(event: bytes, context: Any) -> None:
        context.cdn.refresh(DOMAIN, "/a.jpg")

    lab.declare("seen", duration=0.1)
    lab.cdn.add(DOMAIN)
    lab.trigger("seen", TimerTrigger(cron="@every 1m"))
    lab.trigger("seen", AlarmTrigger(metric="cold_starts", function="refreshes", threshold=1))
    lab.trigger("seen", CDNTrigger(event="CachedObjectsRefreshed", domains=[DOMAIN]))
    lab.trigger("seen", CDNTrigger(domains=[DOMAIN]))
    lab.cdn.request(DOMAIN, "/a.jpg")
    lab.invoke("refreshes")
    lab.run(until=301)
    return lab


def ways(lab: Lab) -> set[tuple[str, str]]:
    hops = lab.recording.hops()
    return {(hops.nodes[a], hops.nodes[b]) for a, b in zip(hops.source, hops.target, strict=True)}


def test_captions_blame_nobody_for_what_was_time() -> None:
    lab = ran()
    said = [tell(moment, lab.recording) for moment in moments(lab.recording)]
    assert "It is time for timers: timer at 2026-01-01T00:01:00Z." in said
    assert "It is time for monitor cold_starts refreshes: alarm INSUFFICIENT_DATA -> ALARM." in said
    assert f"It is time for cdn {DOMAIN}: CachedObjectsRefreshed, which the handler of R1 asked for." in said
    assert f"It is time for cdn {DOMAIN}: LogFileCreated." in said
    assert f"The handler of R1 changes cdn {DOMAIN}: refresh 1." in said
    assert [text for text in said if text.startswith("Somebody")] == [f"Somebody changes cdn {DOMAIN}: CdnDomainAdded."]


def test_no_hop_leads_from_the_caller_to_a_source_that_acts_by_itself() -> None:
    found = ways(ran())
    assert {target for source, target in found if source == "caller"} == {"front door"}
    assert ("refreshes#1", f"source cdn {DOMAIN}") in found
    assert (f"source cdn {DOMAIN}", "front door") in found


def test_a_change_that_a_request_led_to_is_not_its_handlers() -> None:
    lab = Lab(profile="instant")
    lab.declare("works", duration=0.1)
    lab.invoke("works")
    with hub_of(lab._driver).change(1) as change:
        change.happened("queues dead", "Sent 1")
    said = [tell(moment, lab.recording) for moment in moments(lab.recording)]
    assert "R1 leads to a change of queues dead: Sent 1." in said


def test_sources_stand_in_one_layer_behind_the_caller() -> None:
    lab = ran()
    places = layout(lab.recording.chain())
    columns = {places[name][0] for name in places if name.startswith("source ")}
    assert len(columns) == 1
    assert places["caller"][0] < columns.pop() < places["front door"][0]


def test_the_picture_names_a_source_and_below_it_what_of_it() -> None:
    drawn = chain_svg(ran().recording, width=1200)
    assert ">monitor<" in drawn
    assert ">cdn<" in drawn
    assert ">refreshes#1<" in drawn
    assert ">cold_sta" in drawn
    assert ">front door<" in drawn
    assert ">1 request<" in drawn  # the caller's own, not what timers made
