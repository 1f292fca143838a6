"""A review queue whose worker works when it is told to, for tests."""

from napari_ifc.controllers.review import ReviewController


class Desk:
    """A controller whose worker does its work when it is told to."""

    def __init__(self, session):
        self.project, self.entry = session.project, session.entry
        self.waiting = []
        self.views = []
        self.entries = []
        self.errors = []
        self.at_once = True
        self.can_show = True
        self.controller = ReviewController(
            self.project.folder,
            self.submit,
            self.apply,
            self.views.append,
            self.show,
            self.errors.append,
        )

    def submit(self, work, take, fail):
        self.waiting.append((work, take))
        if self.at_once:
            self.work()

    def show(self, entry):
        self.entries.append(entry)
        return self.can_show

    def work(self):
        while self.waiting:
            work, take = self.waiting.pop(0)
            take(work())

    def apply(self, edit):
        result = self.project.apply(edit)
        self.controller.take_edit(result)
        return result

    def start(self):
        self.controller.start([self.entry.id], self.entry.id, None)
