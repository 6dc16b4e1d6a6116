"""The dialog in which a take is exported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from PyQt6.QtGui import QCloseEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from hmr_live.body.model import BodyModel
from hmr_live.export.exporter import ExportOptions
from hmr_live.export.formats import FORMATS, ClipFormat, TakeFormat
from hmr_live.takes.take import Take
from hmr_live_app.model.background import CallInMain
from hmr_live_app.model.takes.export_job import ExportJob
from hmr_live_app.widgets import theme

_STEPS: Final = 1000
_OWN_RATE: Final = "as recorded"
_UPS: Final[tuple[tuple[str, Literal["y", "z"] | None], ...]] = (
    ("format default", None),
    ("y", "y"),
    ("z", "z"),
)


class ExportDialog(QDialog):
    """Asks for format and options, exports, and shows the progress.

    Parameters
    ----------
    take, body
        What is exported, and the body model in use.
    name, folder
        Suggested name and folder of the file.
    call_in_main
        Runs a function in the main thread soon; callable from any thread.
    """

    def __init__(
        self,
        take: Take,
        body: BodyModel,
        name: str,
        folder: Path,
        call_in_main: CallInMain,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Export {name}")
        self.setStyleSheet(theme.CONTROLS_STYLE)
        self.setMinimumWidth(560)
        self._take, self._body = take, body
        self._call_in_main = call_in_main
        self._job: ExportJob | None = None
        self.format = QComboBox()
        for format_ in FORMATS.values():
            title = format_.summary.split(":")[0].split(";")[0]
            self.format.addItem(f"{format_.suffix}  ·  {title}", format_)
        self.summary = QLabel()
        self.summary.setObjectName("time")
        self.summary.setWordWrap(True)
        self.person = QComboBox()
        self.person.addItem("everyone", None)
        for motion in take.motions:
            self.person.addItem(f"person {motion.track_id + 1}", motion.track_id)
        self.rate = QDoubleSpinBox()
        self.rate.setRange(0, 1000)
        self.rate.setDecimals(2)
        self.rate.setSuffix(" frames/s")
        self.rate.setSpecialValueText(_OWN_RATE)
        self.up = QComboBox()
        for text, axis in _UPS:
            self.up.addItem(text, axis)
        self.floor = QCheckBox("Level the camera and place people on the floor")
        self.overwrite = QCheckBox("Replace an existing file")
        self.target = QLineEdit(str(folder / name))
        self.browse = QPushButton("Choose…")
        self.video = QLineEdit(str(take.video or _source_video(take, folder) or ""))
        self.video.setPlaceholderText("the video the take was made from")
        self.browse_video = QPushButton("Choose…")
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.start = QPushButton("Export")
        self.start.setObjectName("main")
        self.start.setDefault(True)
        self.cancel = QPushButton("Close")
        self._lay_out()
        self.format.currentIndexChanged.connect(self._on_format)
        self.browse.clicked.connect(self._choose_target)
        self.browse_video.clicked.connect(self._choose_video)
        self.start.clicked.connect(self._start)
        self.cancel.clicked.connect(self.reject)
        self._on_format()
        self._show_running(False)

    @property
    def chosen(self) -> ClipFormat | TakeFormat:
        """The format."""
        format_: ClipFormat | TakeFormat = self.format.currentData()
        return format_

    def options(self) -> ExportOptions:
        """What was chosen."""
        return ExportOptions(
            track_id=self.person.currentData(),
            rate=self.rate.value() or None,
            up=self.up.currentData(),
            floor=self.floor.isChecked(),
            video=Path(self.video.text()) if self.video.text().strip() else None,
            overwrite=self.overwrite.isChecked(),
        )

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setVerticalSpacing(10)
        form.setHorizontalSpacing(16)
        form.addRow("Format", self.format)
        form.addRow("", self.summary)
        form.addRow("People", self.person)
        form.addRow("Rate", self.rate)
        form.addRow("Up axis", self.up)
        form.addRow("", self.floor)
        for title, line, button in (
            ("Video", self.video, self.browse_video),
            ("File", self.target, self.browse),
        ):
            place = QHBoxLayout()
            place.setSpacing(8)
            place.addWidget(line, 1)
            place.addWidget(button)
            form.addRow(title, place)
        form.addRow("", self.overwrite)
        buttons = QHBoxLayout()
        buttons.addWidget(self.progress, 1)
        buttons.addStretch(0)
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.start)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 18)
        column.setSpacing(14)
        column.addLayout(form)
        column.addWidget(self.message)
        column.addStretch(1)
        column.addLayout(buttons)

    def _on_format(self) -> None:
        format_ = self.chosen
        summary = format_.summary
        if not format_.available:
            summary += ". It needs a package that is not installed: pip install 'hmr-live[export]'."
        self.summary.setText(summary)
        clip = isinstance(format_, ClipFormat)
        self.up.setEnabled(isinstance(format_, ClipFormat) and not format_.fixed_up)
        self.floor.setEnabled(clip)
        overlay = format_.name == "mp4"
        self.rate.setEnabled(clip or overlay)
        self.video.setEnabled(overlay)
        self.browse_video.setEnabled(overlay)
        self.start.setEnabled(format_.available)
        path = Path(self.target.text())
        suffixes = {known.suffix for known in FORMATS.values()}
        stem = path.name.removesuffix(path.suffix) if path.suffix in suffixes else path.name
        self.target.setText(str(path.with_name(f"{stem}{format_.suffix}")))

    def _choose_target(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            "Export to",
            self.target.text(),
            f"*{self.chosen.suffix}",
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if chosen:
            self.target.setText(chosen)

    def _choose_video(self) -> None:
        folder = str(Path(self.video.text() or self.target.text()).parent)
        chosen, _ = QFileDialog.getOpenFileName(self, "Choose the video of the take", folder)
        if chosen:
            self.video.setText(chosen)

    def _start(self) -> None:
        self.message.clear()
        self.progress.setValue(0)
        job = ExportJob(self._call_in_main)
        job.progressed.connect(lambda share: self.progress.setValue(round(share * _STEPS)))
        job.done.connect(self._on_done)
        job.failed.connect(self._on_failed)
        self._job = job
        self._show_running(True)
        options = self.options()
        if not self.up.isEnabled():
            options = replace(options, up=None)
        job.start(self._take, self._body, self.chosen, Path(self.target.text()), options)

    def _on_done(self, paths: tuple[Path, ...], notes: list[str]) -> None:
        self._show_running(False)
        self.message.setText("\n".join([*(f"Written: {path}" for path in paths), *notes]))

    def _on_failed(self, message: str) -> None:
        self._show_running(False)
        self.message.setText(message or "Cancelled; nothing was written.")

    def _show_running(self, running: bool) -> None:
        if not running:
            self._job = None
        self.progress.setVisible(running)
        self.start.setEnabled(not running and self.chosen.available)
        self.cancel.setText("Cancel" if running else "Close")

    def reject(self) -> None:
        """Close the dialog, or cancel a running export."""
        if self._job is None:
            super().reject()
        else:
            self._job.cancel()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Cancel the export with the dialog."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        super().closeEvent(event)


def _source_video(take: Take, folder: Path) -> Path | None:
    """The video file the take was made from, if it is in the take's folder."""
    if take.info.get("clock") != "media":
        return None
    path = folder / Path(str(take.info.get("source", ""))).name
    return path if path.is_file() else None
