import numpy as np
from fake_engine import SIZE, disc

from ifc_core.annotation import StagedInstance, StagedMask, edits
from ifc_core.annotation.neighbour_colors import differing_colors
from ifc_core.structures import Category, Track, TrackState
from ifc_core.structures.palette import OKABE_ITO, track_color
from napari_ifc.controllers.colors import make_neighbours_differ, neighbours
from napari_ifc.controllers.editing import EditController
from napari_ifc.controllers.tracks import TrackIndex


def track(number, color):
    return Track(number, 1, 1, 0.5, TrackState.PROPOSED, color)


def test_only_tracks_that_look_like_a_neighbour_change():
    light = track_color(len(OKABE_ITO))  # the first hue, lighter
    tracks = [track(1, track_color(0)), track(2, light), track(3, track_color(0))]
    changed = differing_colors(tracks, {1: {2}, 2: {1}})
    assert set(changed) == {2}
    assert changed[2] not in (track_color(0), light)
    assert differing_colors(tracks, {1: {9}}) == {}


def test_a_chain_of_neighbours_ends_with_no_two_alike():
    rng = np.random.default_rng(4)
    tracks = [track(i, track_color(int(rng.integers(3)))) for i in range(1, 60)]
    touching = {i: {i - 1, i + 1, i + 2, i - 2} for i in range(1, 60)}
    colors = {t.id: t.color_rgb for t in tracks} | differing_colors(tracks, touching)
    for number, near in touching.items():
        for other in near & colors.keys():
            assert colors[number] != colors[other]
    assert differing_colors([track(i, c) for i, c in colors.items()], touching) == {}


def test_recolouring_is_one_edit_and_comes_to_rest(session):
    project, entry = session.project, session.entry
    editor = EditController(project, entry, TrackIndex(project, entry.id), lambda result: None)
    editor.apply(edits.SetCategory(Category(1, "fish")))
    for column in (10, 20, 50):
        editor.select(())
        editor.commit_rle(disc(SIZE, (20, column), 6), "Paint")
        editor.apply(edits.SetTrack(editor.current, color_rgb=OKABE_ITO[0]))
    first, second, third = (t.id for t in project.tracks(entry.id))
    assert neighbours(project, entry) == {first: {second}, second: {first}}
    result = make_neighbours_differ(project, entry, editor)
    assert result.tracks_changed == (second,)
    assert project.track(third).color_rgb == OKABE_ITO[0]
    assert make_neighbours_differ(project, entry, editor) is None
    editor.undo()
    assert project.track(second).color_rgb == OKABE_ITO[0]


def test_new_tracks_of_a_run_differ_from_what_they_touch_and_leave_it_alone(session):
    project, video_id = session.project, session.entry.id
    project.apply(edits.SetCategory(Category(1, "fish")))
    made = project.apply(edits.NewTrack(video_id, 1, 0, disc(SIZE, (20, 12), 6)))
    (mine,) = made.tracks_added
    project.apply(edits.SetTrack(mine, color_rgb=track_color(1)))
    run = project.begin_run("propose", video_id, {}, "")
    discs = [disc(SIZE, (20, column), 6) for column in (22, 32, 55)]
    project.stage(run, 0, [StagedMask(i, rle) for i, rle in enumerate(discs)])
    instances = [StagedInstance(i, "fish", 0.9 - i / 10) for i in range(3)]
    project.stage_instances(run, instances)
    project.finish_run(run)
    first, second, third = project.apply(edits.AcceptRun(run)).tracks_added
    colors = {t.id: t.color_rgb for t in project.tracks(video_id)}
    assert colors[mine] == track_color(1)
    assert len({colors[mine], colors[first], colors[second]}) == 3
    assert colors[third] in (track_color(i) for i in range(7))
