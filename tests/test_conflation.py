"""New roads join the map: small maps with known answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from road_extract import InputError
from road_extract.base.options import JoinOptions
from road_extract.base.osm import MAX_WAY_NODES, OsmMap, OsmNode
from road_extract.conflation.joining import Joined, NewLine, join_lines
from road_extract.conflation.kinds import GROUND, level_of, obstacle_of
from road_extract.io.vector.osm_tags import make_tags, read_tag_rules
from road_extract.metrics.cutting import MatchRule
from tests.helpers.osm import DEG, Places, lonlat, make_map

RULE = MatchRule(buffer_m=6, angle_deg=30, min_length_m=15)
ROAD = {"highway": "residential", "name": "Main"}
#: From west to east with nodes at 0, 200 and 400 m: the nodes 1, 2 and 3 of the way 101.
MAIN = ([(0, 0), (200, 0), (400, 0)], ROAD)
SOUTH = (200.0, -100.0)


def join(existing: OsmMap, *roads: Places, level=GROUND, loose=(False, False), **options) -> Joined:
    lines = [NewLine(lonlat(road), level, loose) for road in roads]
    return join_lines(lines, existing, JoinOptions(**options), RULE)


def places(joined: Joined, number: int = 0) -> list[tuple[float, float]]:
    """Places of the nodes of a new line, in metres."""
    found = (joined.place(ref) for ref in joined.lines[number].refs)
    return [(round(lon / DEG, 1), round(lat / DEG, 1)) for lon, lat in found]


def refs_of(joined: Joined, way: int = 101) -> tuple[int, ...]:
    (found,) = (changed.refs for changed in joined.modified if changed.id == way)
    return found


# ends


def test_an_end_within_reach_joins_a_new_node_in_the_way():
    joined = join(make_map(MAIN), [(100, -80), (100, -7)])
    assert places(joined) == [(100, -80), (100, 0)]
    (way,) = joined.modified
    new = joined.lines[0].refs[-1]
    assert new < 0
    assert way.refs == (1, new, 2, 3)
    assert (way.id, way.version, way.tags) == (101, 2, ROAD)
    assert set(joined.kept) == {1, 2, 3}
    assert [(join.kind, join.is_end) for join in joined.joins] == [("inserted", True)]


def test_an_end_near_a_node_of_the_map_joins_that_node_and_the_way_stays():
    joined = join(make_map(MAIN), [(202, -80), (202, -7)])
    assert joined.lines[0].refs[-1] == 2
    assert joined.modified == ()
    assert set(joined.kept) == {2}
    assert [(join.kind, join.is_end) for join in joined.joins] == [("node", True)]


def test_an_end_out_of_reach_stays_where_it_is():
    joined = join(make_map(MAIN), [(100, -80), (100, -11)])
    assert places(joined) == [(100, -80), (100, -11)]
    assert (joined.joins, joined.modified, joined.free_ends) == ((), (), 2)


def test_an_end_beyond_the_road_is_cut_off():
    joined = join(make_map(MAIN), [(100, -80), (100, -5), (101, 6)])
    assert places(joined) == [(100, -80), (100, -5), (100.5, 0)]
    assert len(refs_of(joined)) == 4


def test_an_oblique_end_goes_straight_on_to_the_road():
    joined = join(make_map(MAIN), [(40, -56), (90, -6)])
    assert places(joined) == [(40, -56), (96, 0)]


def test_an_end_beyond_the_end_of_the_map_continues_it():
    joined = join(make_map(MAIN), [(406, 0), (500, 0)], loose=(True, False))
    assert joined.lines[0].refs[0] == 3
    assert joined.modified == ()


def test_roads_that_met_on_a_matched_road_meet_on_the_map():
    """Two side roads end on a main road that lies 4 m beside the map's: they share a node that has lost its road."""
    existing = make_map(MAIN)
    lines = [NewLine(lonlat([(100, -80), (100, 4)]), GROUND, (False, True)),
             NewLine(lonlat([(100, 4), (100, 90)]), GROUND, (True, False))]  # fmt: skip
    joined = join_lines(lines, existing, JoinOptions(), RULE)
    assert joined.lines[0].refs[-1] == joined.lines[1].refs[0] == refs_of(joined)[1]
    assert places(joined)[-1] == (100, 0)


def test_new_roads_join_each_other_and_the_same_new_node():
    joined = join(make_map(MAIN), [(100, -80), (100, -4)], [(101, 80), (101, 5)], [(30, -40), (94, -40)])
    assert joined.lines[0].refs[-1] == joined.lines[1].refs[-1]
    assert joined.lines[2].refs[-1] in joined.lines[0].refs
    assert len(refs_of(joined)) == 4


def test_both_ends_can_join_one_way():
    joined = join(make_map(MAIN), [(50, -4), (50, -60), (150, -60), (150, -4)])
    first, last = joined.lines[0].refs[0], joined.lines[0].refs[-1]
    assert refs_of(joined) == (1, first, last, 2, 3)


# crossings


def test_a_crossing_gets_a_node_in_both():
    joined = join(make_map(MAIN), [(100, -80), (100, 80)])
    assert places(joined) == [(100, -80), (100, 0), (100, 80)]
    assert refs_of(joined)[1] == joined.lines[0].refs[1]
    assert [(join.kind, join.is_end) for join in joined.joins] == [("inserted", False)]


def test_a_crossing_near_a_node_uses_it():
    joined = join(make_map(MAIN), [(198, -80), (198, 80)])
    assert joined.lines[0].refs[1] == 2
    assert joined.modified == ()


def test_new_roads_that_cross_share_a_node():
    joined = join(make_map(), [(0, 0), (100, 0)], [(50, -50), (50, 50)])
    assert joined.lines[0].refs[1] == joined.lines[1].refs[1]


@pytest.mark.parametrize(
    "tags", [{"bridge": "yes"}, {"bridge": "viaduct", "layer": "1"}, {"tunnel": "yes"}, {"layer": "-1"}]
)
def test_what_passes_above_or_below_does_not_meet(tags):
    existing = make_map((MAIN[0], ROAD | tags))
    assert places(join(existing, [(100, -80), (100, 80)])) == [(100, -80), (100, 80)]
    assert join(existing, [(100, -80), (100, -5)]).joins == ()
    assert len(join(existing, [(100, -80), (100, 80)], level=level_of(tags)).joins) == 1


@pytest.mark.parametrize("tags", [{"bridge": "no", "layer": "0"}, {"tunnel": "building_passage"}, {"layer": "high"}])
def test_what_is_on_the_ground_after_all_meets(tags):
    assert len(join(make_map((MAIN[0], ROAD | tags)), [(100, -80), (100, 80)]).joins) == 1


@pytest.mark.parametrize(
    ("tags", "nodes"),
    [({"highway": "footway"}, 3), ({"railway": "rail"}, 2), ({"power": "line"}, 2), ({"aeroway": "runway"}, 2),
     ({"waterway": "river"}, 2), ({"highway": "proposed"}, 2)],
)  # fmt: skip
def test_paths_are_crossed_at_a_node_and_what_is_no_way_for_traffic_is_not(tags, nodes):
    existing = make_map((MAIN[0], tags))
    assert len(places(join(existing, [(100, -80), (100, 80)]))) == nodes
    assert len(join(existing, [(100, -80), (100, -6)]).joins) == 0  # and no road ends on them


# near misses


def test_a_road_of_the_map_that_ends_beside_a_new_road_is_joined():
    existing = make_map(([(100, -80), (100, -2)], ROAD))
    joined = join(existing, [(0, 0), (200, 0)])
    assert 2 in joined.lines[0].refs  # the new road is drawn through its end, which does not move
    assert joined.modified == ()
    existing = make_map(([(100, -80), (100, -7)], ROAD))
    joined = join(existing, [(0, 0), (200, 0)])
    assert sorted(len(line.refs) for line in joined.lines) == [2, 3]
    connection = next(line for line in joined.lines if line.source == -1)
    assert connection.refs[0] == 2
    assert connection.refs[1] in joined.lines[0].refs


@pytest.mark.parametrize("tags", [{"noexit": "yes"}, {"highway": "turning_circle"}])
def test_a_road_that_truly_ends_is_left_alone(tags):
    existing = make_map(([(100, -80), (100, -7)], ROAD))
    nodes = {**existing.nodes, 2: replace(existing.nodes[2], tags=tags)}
    assert len(join(replace(existing, nodes=nodes), [(0, 0), (200, 0)]).lines) == 1


def test_a_bend_that_almost_touches_goes_through_the_node():
    existing = make_map(([(0, -100), (100, -1.5), (200, -100)], ROAD))
    assert join(existing, [(0, 0), (200, 0)]).lines[0].refs[1] == 2


def test_a_vertex_that_almost_touches_is_put_onto_the_way():
    joined = join(make_map(MAIN), [(50, 100), (100, 1.5), (150, 100)])
    assert joined.lines[0].refs[1] == refs_of(joined)[1]


# doubles


def test_what_the_map_has_is_not_there_twice():
    joined = join(make_map(MAIN), [(100, 0), (300, 0), (300, 90)])
    assert [len(line.refs) for line in joined.lines] == [2]
    assert places(joined) == [(300, 0), (300, 90)]


def test_the_same_new_road_twice_is_written_once():
    joined = join(make_map(), [(0, 0), (100, 0), (100, 50)], [(100, 50), (100, 0), (0, 0)])
    assert len(joined.lines) == 1


def test_a_short_way_from_a_road_to_itself_is_dropped():
    """Its ends are joined, and most of it lies along the road: a wobble of the detected line."""
    joined = join(make_map(MAIN), [(90, -6.2), (100, -8), (115, -8), (125, -6.2)], loose=(True, True))
    assert joined.lines == ()
    assert joined.modified == ()


def test_a_road_that_leaves_at_a_flat_angle_leaves_at_once():
    joined = join(make_map(MAIN), [(100, 0), (180, 12), (180, 100)], [(180, 100), (260, 100)])
    first, second = (np.array(place) for place in places(joined)[:2])
    assert abs(first[1]) < 0.1
    assert (second - first)[1] > abs((second - first)[0])  # across, not along


# the map


def test_ways_that_share_a_stretch_get_the_node_together():
    boundary = ([(0, 0), (200, 0), (200, 300)], {"boundary": "administrative"})
    joined = join(make_map(MAIN, boundary), [(100, -80), (100, -7)])
    new = joined.lines[0].refs[-1]
    assert refs_of(joined, 101) == (1, new, 2, 3)
    assert refs_of(joined, 102) == (1, new, 2, 4)


def test_a_roundabout_stays_closed():
    ring: Places = [(0, 0), (20, 10), (40, 0), (20, -10), (0, 0)]
    joined = join(make_map((ring, ROAD | {"junction": "roundabout"})), [(30, 60), (30, 9)])
    refs = refs_of(joined)
    assert refs[0] == refs[-1] == 1
    assert len(refs) == 6


def test_a_way_that_lacks_nodes_is_not_changed():
    existing = make_map(MAIN, ([(100, -300), (100, -200)], ROAD))
    nodes = {ref: node for ref, node in existing.nodes.items() if ref != 3}
    joined = join(replace(existing, nodes=nodes), [(100, -80), (100, -7)], [(203, -60), (203, -8)])
    assert joined.modified == ()
    assert [join.kind for join in joined.joins if join.kind == "beside"] == ["beside"]
    assert joined.lines[0].beside
    assert joined.lines[1].refs[-1] == 2  # a node is used where it can be


@pytest.mark.parametrize("has_ids", [True, False])
def test_objects_without_version_are_not_named(has_ids):
    existing = replace(make_map(MAIN, version=None), has_ids=has_ids)
    joined = join(existing, [(100, -80), (100, -7)], [(200, -80), (200, -7)])
    assert (joined.modified, dict(joined.kept)) == ((), {})
    assert [places(joined, number)[-1] for number in (0, 1)] == [(100, 0), (200, 0)]
    assert [join.kind for join in joined.joins] == ["beside", "beside"]


def test_new_ids_are_lower_than_those_of_a_file_that_was_edited():
    existing = make_map(MAIN)
    lon, lat = lonlat([(100, 0)])[0].tolist()
    mine = {-7: OsmNode(-7, lon, lat)}
    way = replace(existing.ways[101], refs=(1, -7, 2, 3))
    existing = replace(existing, nodes={**existing.nodes, **mine}, ways={101: way}, lowest_id=-9)
    joined = join(existing, [(100, -80), (100, -7)])
    assert joined.lines[0].refs[-1] == -7
    assert max(joined.nodes) == -10


def test_a_full_way_gets_no_node():
    long = make_map(([(x, 0) for x in range(0, 20 * MAX_WAY_NODES, 20)], ROAD))
    joined = join(long, [(52, -80), (52, -7)])
    assert joined.modified == ()
    assert joined.lines[0].refs[-1] == 4  # the next node is near enough


def test_nodes_in_one_place_and_ways_without_length_do_no_harm():
    existing = make_map(MAIN, ([(100, 50), (100, 50)], ROAD))
    twin = {99: replace(existing.nodes[2], id=99)}
    joined = join(replace(existing, nodes={**existing.nodes, **twin}), [(200, -80), (200, -7)])
    assert joined.lines[0].refs[-1] == 2


def test_across_the_antimeridian():
    existing = make_map(([(-200, 0), (200, 0)], ROAD), lon=180.0)
    road = lonlat([(60, -80), (60, -7)], 180.0)
    joined = join_lines([NewLine(road)], existing, JoinOptions(), RULE)
    assert refs_of(joined)[1] == joined.lines[0].refs[-1]
    lon, _ = joined.place(joined.lines[0].refs[-1])
    assert -180 <= lon < -179.99


def test_without_reach_only_crossings_are_joined():
    joined = join(make_map(MAIN), [(100, -80), (100, -2)], [(50, -80), (50, 80)], reach_m=0, touch_m=0)
    assert places(joined) == [(100, -80), (100, -2)]
    assert len(joined.joins) == 1


def test_a_line_of_thousands_of_nodes_is_split():
    rng = np.random.default_rng(0)
    wavy = [(float(x), float(y)) for x, y in zip(range(0, 25_000, 5), rng.uniform(0, 2, 5000), strict=True)]
    joined = join(make_map(), wavy)
    assert [len(line.refs) for line in joined.lines] == [2000, 2000, 1002]
    assert all(a.refs[-1] == b.refs[0] for a, b in pairwise(joined.lines))


# tags


def test_tags_come_from_attributes_and_texts():
    rules = read_tag_rules("width=width_m,surface==unpaved,oneway=one")
    assert make_tags(rules, {"width_m": 6.04, "one": True}, ["check"]) == {
        "highway": "road", "source": make_tags((), {})["source"], "width": "6", "surface": "unpaved", "oneway": "yes",
        "fixme": "check",
    }  # fmt: skip
    assert "width" not in make_tags(rules, {"width_m": float("nan"), "one": None})
    assert make_tags(read_tag_rules("highway=kind"), {"kind": None})["highway"] == "road"
    assert "source" not in make_tags(read_tag_rules("source=="), {})
    assert make_tags((), {"bridge": "yes", "layer": 1, "tunnel": "no"})["layer"] == "1"


def test_tags_from_a_file_translate_values(tmp_path):
    path = tmp_path / "tags.json"
    path.write_text('{"highway": "track", "width": {"from": "w", "digits": 2}, '
                    '"surface": {"from": "paved", "values": {"1": "asphalt"}}}')  # fmt: skip
    rules = read_tag_rules(str(path))
    tags = make_tags(rules, {"w": 3.456, "paved": 1})
    assert (tags["highway"], tags["width"], tags["surface"]) == ("track", "3.46", "asphalt")
    assert "surface" not in make_tags(rules, {"paved": 2})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("width", "expected KEY=ATTRIBUTE"),
        ("=x", "expected KEY=ATTRIBUTE"),
        ("a b=x", "cannot be the key"),
        ("k" * 256 + "==x", "cannot be the key"),
        ("name==" + "x" * 256, "at most 255"),
        ("a==1,a==2", "more than once"),
        ("none.json", "cannot be read as JSON"),
    ],
)
def test_tags_that_openstreetmap_does_not_take_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        read_tag_rules(text)
    with pytest.raises(InputError, match="at most 255"):
        make_tags(read_tag_rules("name=label"), {"label": "x" * 300})


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ({"railway": "rail"}, "a railway"),
        ({"railway": "rail", "tunnel": "yes"}, None),
        ({"railway": "platform"}, None),
        ({"aeroway": "runway"}, "a runway"),
        ({"natural": "coastline"}, "a shore"),
        ({"waterway": "stream", "tunnel": "culvert"}, None),
        ({"highway": "construction"}, "a road that is not built or not in use"),
        ({"highway": "residential"}, None),
        ({"power": "line"}, None),
        ({"leisure": "track"}, "a race track"),
    ],
)
def test_what_may_be_mistaken_for_a_road(tags, name):
    found = obstacle_of(tags)
    assert (found and found.name) == name
