"""Captions for the OpenGL panes: Qt draws the text, the scene uses it as a picture."""

from __future__ import annotations

import numpy as np
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from hmr_live.core.state import Image

_FONT_SIZE = 11.0
_PADDING = (9.0, 4.0)


def text_image(text: str, scale: float) -> Image:
    """A rounded dark plate with the text on it.

    Parameters
    ----------
    text
        One line.
    scale
        Pixels for each point of the screen.

    Returns
    -------
    Image
        ``(H, W, 4)`` BGRA, premultiplied.
    """
    font = QFont()
    font.setPixelSize(round(_FONT_SIZE * 1.15))
    font.setWeight(QFont.Weight.DemiBold)
    font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, 0.4)
    metrics = QFontMetricsF(font)
    width = metrics.horizontalAdvance(text) + 2 * _PADDING[0]
    height = metrics.height() + 2 * _PADDING[1]
    image = QImage(
        round(width * scale), round(height * scale), QImage.Format.Format_ARGB32_Premultiplied
    )
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(scale, scale)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(12, 14, 18, 190))
    painter.drawRoundedRect(QRectF(0, 0, width, height), 6, 6)
    painter.setPen(QColor(226, 230, 238))
    painter.setFont(font)
    painter.drawText(QRectF(0, 0, width, height), Qt.AlignmentFlag.AlignCenter, text)
    painter.end()
    bits = image.constBits()
    if bits is None:
        raise ValueError("a caption needs at least one character")
    data = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
    rows = data.reshape(image.height(), image.bytesPerLine())
    return np.asarray(rows[:, : 4 * image.width()].reshape(image.height(), image.width(), 4))
