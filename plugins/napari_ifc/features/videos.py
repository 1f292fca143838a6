"""The videos of a project: a list beside the canvas, adding, removing and going to another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog, QInputDialog

from ifc_core.annotation import EditResult, VideoEntry, edits
from ifc_core.annotation.locating import Nearby
from ifc_core.errors import IFCError
from ifc_core.structures import Video
from napari_ifc.actions import Action
from napari_ifc.controllers.last_places import LastPlace, LastPlaces
from napari_ifc.controllers.session import absent_text
from napari_ifc.controllers.tasks import Task
from napari_ifc.controllers.videos import (
    LookedThrough,
    adding,
    find_in,
    first_picture,
    locating,
    look_at,
    look_through_each,
    neighbour,
    not_opened_text,
    taken_apart,
    video_rows,
)
from napari_ifc.feature import NOTHING_OPEN, Feature
from napari_ifc.features.absent_videos import AbsentVideos
from napari_ifc.features.files import VIDEO_FILES
from napari_ifc.features.opening import Opening
from napari_ifc.features.other_video import OtherVideo
from napari_ifc.features.video_removal import VideoRemoval
from napari_ifc.language import tr
from napari_ifc.rows import VideoRow
from napari_ifc.views.place_question import ask_for_place
from napari_ifc.views.theme import palette_for
from napari_ifc.views.video_list import VideoList
from napari_ifc.worker import Worker

if TYPE_CHECKING:
    from napari_ifc.studio import Studio
    from napari_ifc.workspace import Workspace

GROUP = tr("Videos")
DOCK = "videos"
_SEVERAL = 2  # videos from which the list comes by itself


class Videos(Feature):
    """Shows the list where a project has several videos, or where a person asks for it.

    Attributes:
        list: The widget in the dock.
        absent: Which of them are not found.
        other: Tells that a file is another video of the project.
        removal: Takes them out.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.list = VideoList()
        self._rows: list[VideoRow] = []
        self._folder: Path | None = None
        self._told_absent: int | None = None
        self._left_at: dict[int, int] = {}
        studio.opened.connect(self._go_back)
        self._worker = Worker(studio.deliver, "pictures")
        self.absent = AbsentVideos(studio, self._show_rows)
        self.other = OtherVideo(studio, GROUP, self.show, self.begin_locate)
        self.removal = VideoRemoval(studio, self.list, self.show)
        self.list.shown.connect(self._look)
        self.list.show_requested.connect(self.show)
        self.list.pictures_wanted.connect(self._fetch)
        self.list.action_requested.connect(studio.run_action)
        studio.viewer.events.theme.connect(self._apply_theme)

    def actions(self) -> Iterable[Action]:
        """Add, remove, go to a neighbour, and show or hide the list."""
        change = self.editor_reason(lambda e: e.why_not_write())
        yield Action(
            "videos.add",
            tr("Add videos to the project…"),
            self._ask_files,
            group=GROUP,
            why_not=change,
            tip=tr("One project can hold many videos: they share classes, review and fine-tuning."),
        )
        yield Action(
            "videos.add_folder",
            tr("Add a folder of frames…"),
            self._ask_folder,
            group=GROUP,
            why_not=change,
            tip=tr("A folder of pictures becomes one more video of this project."),
        )
        yield Action(
            "videos.remove",
            tr("Remove the chosen video"),
            self.removal.remove_chosen,
            group=GROUP,
            why_not=self.removal.why_not,
            tip=tr(
                "Take it and its tracks out of the project; the file stays, and undo brings it "
                "back."
            ),
        )
        yield Action(
            "videos.locate",
            tr("Locate this video…"),
            lambda: self._ask_place(self.list.chosen()),
            group=GROUP,
            why_not=self._why_not_locate,
            tip=tr("Say where the file or folder of the chosen video is now."),
        )
        yield Action(
            "videos.locate_told",
            tr("Locate the missing video…"),
            lambda: self._ask_place(self._told_absent),
            group=GROUP,
            why_not=self._why_not_locate_told,
            tip=tr("Say where the video is that the message names."),
            text_now=lambda: "",  # it belongs to the message
        )
        yield from self.other.actions()
        yield Action(
            "videos.step",
            tr("Annotate every n-th frame…"),
            self._ask_step,
            group=GROUP,
            why_not=change,
            tip=tr("Say which frames of this video you mean to annotate; review asks for those."),
        )
        for action_id, text, key, by in (
            ("videos.next", tr("Next video"), "Ctrl+PgDown", 1),
            ("videos.previous", tr("Previous video"), "Ctrl+PgUp", -1),
        ):
            yield Action(
                action_id,
                text,
                lambda by=by: self._step(by),  # type: ignore[misc]
                shortcut=key,
                group=GROUP,
                why_not=lambda by=by: self._why_not_step(by),  # type: ignore[misc]
            )
        yield Action(
            "videos.list",
            tr("Show or hide the list of videos"),
            lambda: self._show_dock(not self.is_shown),
            shortcut="Shift+V",
            group=GROUP,
            why_not=self.studio.why_not_open,
            tip=tr("All videos of the project with their progress."),
            checked=lambda: self.is_shown,
        )

    def started(self) -> None:
        """Dock the list and give its buttons their actions."""
        self.studio.window.add_dock(DOCK, self.list, tr("Videos"), "left")
        self.list.bind_actions(self.studio.actions)
        self._apply_theme()

    @property
    def is_shown(self) -> bool:
        """Whether the list stands beside the canvas."""
        return self.studio.window.is_shown(DOCK)

    def _show_dock(self, shown: bool) -> None:
        self.studio.window.show_dock(DOCK, shown)
        if shown:
            self.list.view.setFocus()

    def _apply_theme(self, event: object = None) -> None:
        self.list.apply_palette(palette_for(str(self.studio.viewer.theme)))

    # What is shown

    def opened(self, workspace: Workspace) -> None:
        """Show the project's videos; the list comes by itself where there are several."""
        folder = workspace.session.project.folder
        if folder != self._folder:
            self._folder = folder
            self._rows = []
            self._left_at = self._known_places(workspace)
            self.list.forget_pictures()
            self.absent.forget()
        self._reload()
        self._look()

    @staticmethod
    def _known_places(workspace: Workspace) -> dict[int, int]:
        """Frames at which the videos of the project were left when it was closed."""
        project = workspace.session.project
        frames = LastPlaces().of(project.folder).frames
        known = {entry.id: frames.get(entry.fingerprint, 0) for entry in project.videos()}
        return {video_id: frame for video_id, frame in known.items() if frame}

    def _go_back(self, video: object) -> None:
        """Show a video at the frame at which it was left."""
        session = self.workspace.session
        frame_index = min(self._left_at.get(session.entry.id, 0), session.num_frames - 1)
        if frame_index > 0:
            self.studio.layers.go_to(frame_index)

    def closing(self, workspace: Workspace, *, keep_project: bool) -> None:
        """Remember the place; without a project there is no list."""
        session = workspace.session
        self._left_at[session.entry.id] = workspace.editor.frame_index
        prints = {entry.id: entry.fingerprint for entry in session.project.videos()}
        frames = {prints[i]: frame for i, frame in self._left_at.items() if i in prints}
        place = LastPlace(session.entry.fingerprint, frames)
        LastPlaces().keep(session.project.folder, place)
        if not keep_project:
            self._folder, self._rows = None, []
            self.absent.forget()
            self.list.show_videos([], 0)
            self.studio.window.show_dock(DOCK, False)

    def project_changed(self, result: EditResult) -> None:
        """Count anew; an undone removal has brought a video back."""
        headers = result.tracks_added or result.tracks_removed or result.tracks_changed
        if result.videos_changed:
            self._untell_absent(result.videos_changed)
            self.list.ask_again(result.videos_changed)
            self._look()
        if headers or result.reviewed_frames or result.videos_changed:
            self._reload()

    def actions_changed(self) -> None:
        """Enable what is possible."""
        self.list.refresh_actions()

    def close(self) -> None:
        """Stop reading pictures."""
        self.studio.viewer.events.theme.disconnect(self._apply_theme)
        self._worker.close()
        self.absent.close()

    def _reload(self) -> None:
        """List the videos; the list comes once there are several, and stays hidden once closed."""
        before = len(self._rows)
        self._rows = video_rows(self.workspace.session.project)
        self._show_rows()
        if before < _SEVERAL <= len(self._rows):
            self.studio.window.show_dock(DOCK, True)

    def _show_rows(self) -> None:
        """Show them, those marked that are not found."""
        absent = self.absent.ids
        rows = [replace(row, is_absent=row.video_id in absent) for row in self._rows]
        self.list.show_videos(rows, self.workspace.session.entry.id)

    def _look(self) -> None:
        """Have it looked for the videos where the list is seen."""
        if self._folder is not None:
            self.absent.look(self._folder)

    def _fetch(self, video_ids: Sequence[int]) -> None:
        """Have the worker read first frames, those in sight first."""
        workspace, folder = self.studio.workspace, self._folder
        if workspace is None:
            return
        project = workspace.session.project
        known, nearby = {row.video_id for row in self._rows}, Nearby(self._worker.context)
        for video_id in known.intersection(video_ids):
            entry = project.video(video_id)

            def read(entry: VideoEntry = entry) -> tuple[bool, object]:
                place = find_in(project.folder, entry.id, nearby)
                return place is None, first_picture(entry, place)

            def show(known: tuple[bool, object], video_id: int = video_id) -> None:
                is_absent, picture = known
                if folder != self._folder:
                    return
                if is_absent:
                    self.absent.add(video_id)
                if picture is not None:
                    self.list.set_picture(video_id, picture)  # type: ignore[arg-type]

            self._worker.submit(read, show, lambda error: None)

    # Going to another video

    def show(
        self,
        video_id: int,
        on_end: Callable[[bool], None] = lambda shown: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Show a video of the project, once a worker has looked through its file.

        Args:
            video_id: The video.
            on_end: Called at the end with whether it is shown.
            is_wanted: Asked whether it still is to be shown once it could be.
        """
        workspace = self.studio.workspace
        if workspace is None or video_id == workspace.session.entry.id:
            return
        absent = partial(self._tell_absent, video_id)
        self.studio.feature(Opening).begin_show(video_id, absent, on_end, is_wanted)

    def _step(self, by: int) -> None:
        there = neighbour(self._rows, self.workspace.session.entry.id, by)
        if there is not None:
            self.show(there)

    def _why_not_step(self, by: int) -> str:
        workspace = self.studio.workspace
        if workspace is None:
            return NOTHING_OPEN
        if neighbour(self._rows, workspace.session.entry.id, by) is None:
            if by > 0:
                return tr("This is the last video of the project.")
            return tr("This is the first video of the project.")
        return ""

    # Videos that are not where they were

    def _tell_absent(self, video_id: int) -> None:
        """Say that a video is not found, and offer to say where it is."""
        text = absent_text(self.workspace.session.project.video(video_id).name)
        self.absent.add(video_id)
        self.list.choose(video_id)
        self._told_absent = video_id
        banner = self.studio.panel.banner
        banner.show_message(text, "error", tr("Locate…"), "videos.locate_told")
        self.studio.failed.emit(text)

    def _untell_absent(self, video_ids: Sequence[int]) -> None:
        """These were removed, or found: say no more that they are not there."""
        for row in self._rows:
            if row.video_id in video_ids:
                self.studio.panel.banner.withdraw(absent_text(row.name))

    def _why_not_locate(self) -> str:
        reason = self.editor_reason(lambda e: e.why_not_write())()
        if not reason and self.list.chosen() is None:
            return tr("Choose a video in the list first.")
        return reason

    def _why_not_locate_told(self) -> str:
        reason = self.editor_reason(lambda e: e.why_not_write())()
        names = (row.name for row in self._rows if row.video_id == self._told_absent)
        if not reason and self.studio.panel.banner.text not in map(absent_text, names):
            return tr("No message tells of a missing video.")
        return reason

    def _ask_place(self, video_id: int | None) -> None:
        if video_id is None:
            return
        entry = self.workspace.session.project.video(video_id)
        place = ask_for_place(entry.name, self.studio.panel)
        if place is not None:
            self.begin_locate(video_id, place)

    def begin_locate(self, video_id: int, path: Path, *, is_coded_anew: bool = False) -> None:
        """Say where a video is, once a worker has looked through the file; returns at once.

        Args:
            video_id: A video of the project.
            path: Its file or folder of frames; another one is refused with a sentence.
            is_coded_anew: The person says that it shows the same, though its content is another.
        """
        project = self.workspace.session.project
        folder, entry = project.folder, project.video(video_id)

        def take(found: tuple[Video, dict[int, Video]]) -> None:
            if self.studio.project is not project:
                return
            try:
                edit, told = locating(project, video_id, *found, is_coded_anew=is_coded_anew)
                if edit is not None:
                    self.workspace.editor.apply(edit)
            except IFCError as error:
                self.studio.fail(error)
            else:
                self.studio.inform(told)

        text = tr("Looking through {name}").format(name=path.name)
        task: Task[tuple[Video, dict[int, Video]]] = Task(text, take, self.other.fail)
        look = partial(look_at, folder, entry, path, is_coded_anew=is_coded_anew)
        self.studio.tasks.start(task, look)

    # Adding

    def begin_open(self, paths: Sequence[Path], left: Sequence[Path] = ()) -> None:
        """Open the first; further videos follow into its project once it is open.

        Args:
            paths: At least one; a folder of video files stands for the videos in it.
            left: What is not opened, to be told with the result.
        """
        first, *further = taken_apart(paths)
        self.studio.feature(Opening).begin(
            first,
            lambda: self._follow(further, left),
            besides=not_opened_text((*further, *left)),
        )

    def _follow(self, further: Sequence[Path], left: Sequence[Path]) -> None:
        """The first is open: add the further ones, and tell what is left."""
        reason = self.workspace.editor.why_not_write()
        if further and not reason:
            self.begin_add(further, left)
            return
        told = not_opened_text((*further, *left))
        if further:
            told = f"{told} {reason}"
        if told:
            self.studio.inform(told, "warning")

    def _ask_files(self) -> None:
        chosen, _ = QFileDialog.getOpenFileNames(
            self.studio.panel, tr("Add videos to the project"), "", VIDEO_FILES
        )
        self.begin_add([Path(name) for name in chosen])

    def _ask_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self.studio.panel, tr("Add a folder of frames"))
        if chosen:
            self.begin_add([Path(chosen)])

    def begin_add(self, paths: Sequence[Path], left: Sequence[Path] = ()) -> None:
        """Add videos once a worker has looked through their files; returns at once.

        Args:
            paths: Video files or folders of frames; those that can be read are added.
            left: What is not opened, to be told with the result.
        """
        if not paths:
            return
        paths = taken_apart(paths)
        project = self.workspace.session.project
        nothing_opened = not_opened_text((*paths, *left))

        def take(found: LookedThrough) -> None:
            if self.studio.project is project:
                self._add(found, left)
            else:
                self.studio.inform(nothing_opened, "warning")

        def cancelled() -> None:
            told = tr("Adding was cancelled.")
            self.studio.inform(f"{told} {nothing_opened}", "warning")

        name = paths[0].name if len(paths) == 1 else tr("{count} videos").format(count=len(paths))
        task: Task[LookedThrough] = Task(
            tr("Adding {name}").format(name=name),
            take,
            lambda error: self.studio.fail(error, nothing_opened),
            cancelled,
        )
        self.studio.tasks.start(task, lambda context: look_through_each(paths, context))

    def _add(self, found: LookedThrough, left: Sequence[Path]) -> None:
        """Add what can be read in one edit, and say of the rest that it is not there."""
        edit, told = adding(self.workspace.session.project, found.videos)
        if edit is not None:
            self.workspace.editor.apply(edit)
            self._show_dock(True)
        broken = tuple(found.unreadable)
        besides = not_opened_text((*broken[1:], *left))
        if broken:
            self.studio.fail(found.unreadable[broken[0]], f"{told} {besides}".strip())
        else:
            self.studio.inform(f"{told} {besides}".strip(), "warning" if besides else "info")

    def _ask_step(self) -> None:
        entry = self.workspace.session.entry
        now = self.workspace.session.project.video(entry.id).annotation_step
        step, accepted = QInputDialog.getInt(
            self.studio.panel,
            tr("Annotate every n-th frame"),
            tr("Frames from one to annotate to the next:"),
            now,
            1,
            entry.num_frames,
        )
        if accepted and step != now:
            self.set_step(step)

    def set_step(self, step: int) -> None:
        """Annotate every so many frames of the shown video; one edit."""
        entry = self.workspace.session.entry
        self.workspace.editor.apply(edits.SetVideo(entry.id, annotation_step=step))
        self.studio.inform(
            tr("Every frame of {name} is to be annotated.").format(name=entry.name)
            if step == 1
            else tr("Of {name}, frames 0, {step}, {twice} and so on are to be annotated.").format(
                name=entry.name, step=step, twice=2 * step
            )
        )
