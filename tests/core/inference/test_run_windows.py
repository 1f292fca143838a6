"""The windows of a run, its shots, and where to go on from."""

from ifc_core.inference.run_windows import RunWindows
from ifc_core.inference.settings import ProposeSettings


def test_a_cut_completes_the_windows_of_its_shot():
    windows = RunWindows(ProposeSettings(clip_length=3, clip_stride=3))
    given = [windows.arrive(10 * n, begins_shot=n == 5) for n in range(7)]
    assert given == [[], [], [range(3)], [], [], [range(2, 5)], []]
    assert windows.close() == [range(5, 7)]
    assert windows.shot_starts == (0, 50)


def test_a_frame_may_end_one_shot_and_be_a_whole_clip_of_the_next():
    windows = RunWindows(ProposeSettings(clip_length=1))
    assert windows.arrive(0) == [range(1)]
    assert windows.arrive(1, begins_shot=True) == [range(1, 2)]
    longer = RunWindows(ProposeSettings(offline=True))
    assert longer.arrive(0) == []
    assert longer.arrive(1, begins_shot=True) == [range(1)]
    assert longer.settled_before == 1


def test_the_first_clip_of_each_shot_is_known_once_also_after_going_on():
    settings = ProposeSettings(clip_length=2)
    windows = RunWindows(settings)
    for n in range(6):
        windows.arrive(n, begins_shot=n in (2, 4))
    assert [windows.begins_linked_shot(p) for p in (0, 2, 2, 4)] == [False, True, False, True]
    windows.note_decided(2)  # of the first shot, and of the second
    assert windows.decided[1] == 4
    assert windows.decided_shot_starts == (0, 2)
    again = RunWindows(settings)
    again.restore(windows.decided, windows.decided_shot_starts)
    assert again.num_arrived == 4
    assert [again.begins_linked_shot(p) for p in (0, 2, 3)] == [False, True, False]
    assert again.arrive(4, begins_shot=True) == []
    assert again.shot_starts == (0, 2, 4)
