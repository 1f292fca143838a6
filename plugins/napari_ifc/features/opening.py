"""Opening projects, videos, folders of frames and annotation files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ifc_core.annotation.locating import Nearby
from ifc_core.errors import IFCError, VideosMissingError
from ifc_core.io.video import VideoReader, open_video
from ifc_core.jobs import JobContext
from napari_ifc.controllers.session import (
    Session,
    absent_text,
    open_session,
    preview,
    show_video,
)
from napari_ifc.controllers.tasks import Task
from napari_ifc.controllers.told_places import open_at, why_asked
from napari_ifc.controllers.videos import find_in
from napari_ifc.feature import Feature
from napari_ifc.features.correction import Correction
from napari_ifc.frame_cache import FrameCache
from napari_ifc.language import tr
from napari_ifc.lazy_video import LazyVideo
from napari_ifc.views.dialogs import ask_to_stop
from napari_ifc.views.place_question import ask_for_place

if TYPE_CHECKING:
    from napari_ifc.studio import Studio


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a person wants opened.

    Attributes:
        path: What it is.
        on_opened: Called once it is shown.
        besides: A sentence to tell where it is not.
        may_leave: Asks whether what is open may be put down for it.
    """

    path: Path
    on_opened: Callable[[], None]
    besides: str
    may_leave: Callable[[], bool]


class Opening(Feature):
    """What is opened takes the place of what was open, once it could be opened.

    Of a file that takes long to look through, the first frames are shown meanwhile.
    """

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self._preview: FrameCache | None = None
        self._coming = ""

    def open_now(self, path: Path) -> bool:
        """Open and wait for it; see ``Studio.open_path``."""
        self.studio.layers.flush()
        try:
            session = open_session(path, self.studio.settings.projects_folder)
        except IFCError as error:
            self.studio.fail(self._seen_from_here(error))
            return False
        if self.take(session):
            return True
        return self.open_now(path)

    def may_put_down(self, *, keep_project: bool = False) -> bool:
        """Whether what is open may be put down: nothing goes on in it, or the person says so.

        Args:
            keep_project: Whether another video of the project follows. Fine-tuning and an import
                go on then, and a run is paused if it can be.
        """
        return self._may_stop(list(self._work(keep_project).values()))

    def _may_stop(self, work: list[str]) -> bool:
        return not work or ask_to_stop(work, self.studio.panel)

    def _work(self, keep_project: bool) -> dict[object, str]:
        """What would stop if what is open were put down: whose it is -> a few words."""
        studio = self.studio
        work: dict[object, str] = {Correction: studio.feature(Correction).busy()}
        if not keep_project:
            work[studio.trainer] = studio.trainer.busy()
            work.update({text: text for text in studio.tasks.writing})
        if not (keep_project and self._run_can_wait()):
            work[studio.proposing] = studio.proposing.busy()
        return {key: text for key, text in work.items() if text}

    def _leaving(self, *, keep_project: bool = False) -> Callable[[], bool] | None:
        """Ask whether what is open may be put down once something else is there.

        Returns:
            Asks then about what was begun meanwhile; ``None`` where the person stays.
        """
        known = self._work(keep_project)
        if not self._may_stop(list(known.values())):
            return None

        def may_leave() -> bool:
            now = self._work(keep_project).items()
            return self._may_stop([text for key, text in now if key not in known])

        return may_leave

    def why_wait(self) -> str:
        """Why nothing else may be opened, nor be imported into what is open, at the moment."""
        return wait_for(self._coming) if self._coming else ""

    def _run_can_wait(self) -> bool:
        workspace = self.studio.workspace
        return workspace is not None and workspace.proposer.can_go_on_later

    def begin(
        self, path: Path, on_opened: Callable[[], None] = lambda: None, *, besides: str = ""
    ) -> None:
        """Open in a worker; see ``Studio.begin_open``.

        Args:
            path: What to open.
            on_opened: Called once it is shown; never where it was refused, failed or cancelled.
            besides: A sentence to tell where it was begun and then not opened.
        """
        if why := self.why_wait():
            self.studio.fail(why)
            return
        may_leave = self._leaving()
        if may_leave is None:
            return
        self.studio.layers.flush()
        home = self.studio.settings.projects_folder

        show = self.studio.deliver(self.show_preview)
        nothing_open = self.studio.workspace is None

        def work(context: JobContext) -> Session:
            if nothing_open:
                preview(path, context, show)
            return open_session(path, home, context)

        self._start(_Wish(path, on_opened, besides, may_leave), work)

    def _start(self, wish: _Wish, work: Callable[[JobContext], Session]) -> None:
        self._coming = tr("Opening {name}").format(name=wish.path.name)
        task: Task[Session] = Task(
            self._coming,
            partial(self._come, wish),
            partial(self._failed, wish),
            partial(self._given_up, wish, tr("Opening was cancelled.")),
            drop=Session.close,
        )
        self.studio.tasks.start(task, work)

    def _come(self, wish: _Wish, session: Session) -> None:
        self._coming = ""
        if not wish.may_leave():
            session.close()
            self._given_up(wish, tr("{name} was not opened.").format(name=wish.path.name))
            return
        try:
            session.keep_places()
        except IFCError as error:
            session.close()
            self._failed(wish, error)
            return
        if self.take(session):
            wish.on_opened()
        else:
            self.begin(wish.path, wish.on_opened, besides=wish.besides)

    def _failed(self, wish: _Wish, error: IFCError) -> None:
        self.end_preview()
        if isinstance(error, VideosMissingError) and error.can_be_told:
            self._ask_place(wish, error)
            return
        self._coming = ""
        self.studio.fail(self._seen_from_here(error), wish.besides)

    def _given_up(self, wish: _Wish, sentence: str) -> None:
        self._coming = ""
        self.end_preview()
        self._inform(sentence, wish.besides)

    def _ask_place(self, wish: _Wish, missing: VideosMissingError) -> None:
        """Ask where a video of a project is of which none is found, and open it there."""
        place = ask_for_place(missing.names[0], self.studio.panel, why_asked(missing))
        if self.studio.is_closed:
            return
        if place is not None:
            self._start(wish, lambda context: open_at(missing.folder, place, context))
            return
        text = tr("{name} was not opened, since its frames are not found.")
        sentence = text.format(name=missing.folder.name)
        self._given_up(wish, sentence)
        self.studio.failed.emit(sentence)  # where the start page covers the panel

    def _seen_from_here(self, error: IFCError) -> IFCError | str:
        """An error; of the project that is open here it is told what can be done here."""
        project = self.studio.project
        if not isinstance(error, VideosMissingError) or project is None:
            return error
        is_open_here = project.folder.resolve() == error.folder.resolve()
        return absent_text(error.names[0]) if is_open_here else error

    def _inform(self, sentence: str, besides: str) -> None:
        self.studio.inform(f"{sentence} {besides}".strip(), "warning" if besides else "info")

    # The first frames while the index is made

    def show_preview(self, reader: VideoReader) -> None:
        """Show what can be read already, unless something was opened meanwhile."""
        studio, count = self.studio, reader.num_indexed
        if studio.workspace is not None or self._preview is not None:
            return
        size = studio.settings.frame_cache_bytes
        self._preview = FrameCache(reader, count, max_bytes=size)
        source = LazyVideo(self._preview, count, reader.video.size)
        studio.layers.show_video(source, reader.video.path.name, reader.video.path)
        studio.layers.set_editable(False)
        studio.preview_shown.emit()

    def end_preview(self, *, replaced: bool = False) -> None:
        """Take the first frames away.

        Args:
            replaced: Whether what was being opened takes their place.
        """
        cache, self._preview = self._preview, None
        if cache is None:
            return
        self.studio.layers.clear()
        cache.close()
        if not replaced:
            self.studio.project_closed.emit()

    def close(self) -> None:
        """Let go of a file that was still being opened."""
        self.end_preview(replaced=True)

    def take(self, session: Session) -> bool:
        """Show a session; ``False`` where it must be opened again, since we held it ourselves."""
        project = self.studio.project
        ours = (
            session.project.read_only
            and project is not None
            and project.folder.resolve() == session.project.folder.resolve()
        )
        self.end_preview(replaced=True)
        if ours:
            session.close()
        self.studio.put_down(emit=False)
        if not ours:
            self.studio.take_up(session)
        return not ours

    # Other videos of the project

    def show_now(self, video_id: int, place: Path | None = None) -> bool:
        """Show another video of the open project; see ``Studio.show_video``.

        Args:
            video_id: The video.
            place: Where a worker found it; ``None`` to look for it here.
        """
        left = self.studio.open_workspace().session
        project = left.project
        try:
            session = show_video(project, video_id, place=place)
        except IFCError as error:
            self.studio.fail(error)
            return False
        paused = self._run_can_wait()
        self.studio.put_down(emit=False, keep_project=True)
        self.studio.take_up(session)
        if paused and not self.studio.panel.banner.passing_text:
            text = tr("The run on {name} was paused; it goes on when you show that video again.")
            self.studio.inform(text.format(name=left.entry.name))
        return True

    def begin_show(
        self,
        video_id: int,
        absent: Callable[[], None],
        on_end: Callable[[bool], None] = lambda shown: None,
        is_wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        """Show another video of the open project once a worker has looked through its file.

        Args:
            video_id: The video.
            absent: Called where it is not found: at once, if no file had to be opened to see that.
            on_end: Called at the end, whatever it is, with whether the video is shown.
            is_wanted: Asked whether it still is to be shown once it could be.
        """
        project = self.studio.open_workspace().session.project
        nearby = Nearby(opens=False)
        place = project.find_video_file(video_id, nearby=nearby)
        if place is None and not nearby.passed_over:
            absent()
            on_end(False)
            return
        may_leave = self._leaving(keep_project=True)
        if may_leave is None:
            on_end(False)
            return

        def look(context: JobContext) -> Path | None:
            found = place or find_in(project.folder, video_id, Nearby(context))
            if found is not None:  # what the reader finds out is remembered
                open_video(found, context).close()
            return found

        def show(found: Path | None) -> bool:
            if self.studio.project is not project or not is_wanted():
                return False
            if found is None and any(entry.id == video_id for entry in project.videos()):
                absent()
                return False
            return may_leave() and self.show_now(video_id, None if place else found)

        def failed(error: IFCError) -> None:
            self.studio.fail(error)
            on_end(False)

        name = project.video(video_id).name
        text = tr("Opening {name}").format(name=name)
        task: Task[Path | None] = Task(
            text, lambda found: on_end(show(found)), failed, lambda: on_end(False)
        )
        self.studio.tasks.start(task, look)


def wait_for(work: str) -> str:
    """A sentence that refuses something until work in progress has ended."""
    return tr("Wait until this has ended, or cancel it: {work}.").format(work=work)
