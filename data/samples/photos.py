"""The photographs of the manual, painted because the machine does not exist."""

from __future__ import annotations

from functools import cache

from samples.paint import Canvas, Rgb, jpeg

CASE: tuple[Rgb, Rgb, Rgb] = ((240, 128, 60), (224, 100, 38), (180, 72, 24))
DARK: tuple[Rgb, Rgb] = ((62, 68, 76), (34, 38, 44))
STEEL: tuple[Rgb, ...] = ((120, 128, 136), (236, 240, 243), (170, 178, 186), (96, 104, 112))
BLUE_BOWL: tuple[Rgb, ...] = ((24, 66, 120), (92, 152, 210), (44, 98, 164), (16, 46, 92))
READING = {"mg/L": "312", "L/h": "38.6", "MPa": "4.7"}
"""What the panel's display shows: only the picture tells."""
PLATE = ("BW40-02417", "2025", "24 V  16 A", "5.5 MPa", "31 kg", "WPC 1184-03")


@cache
def cover() -> bytes:
    """The closed unit on a beach at low tide."""
    canvas = Canvas((1000, 860), [(120, 178, 214), (196, 222, 234), (244, 232, 212)])
    canvas.glow((690, 120, 870, 300), (255, 246, 220), 90, 230)
    canvas.polygon([(0, 330), (160, 270), (330, 330), (520, 290), (760, 345), (1000, 310), (1000, 400), (0, 400)],
                   (148, 178, 194), (170, 194, 204))  # fmt: skip
    canvas.polygon([(0, 372), (1000, 372), (1000, 600), (0, 600)], (46, 116, 150), (92, 164, 184))
    for row in range(14):
        y = 386 + row * row * 0.9
        for piece in range(5):
            left = (row * 173 + piece * 229) % 1000
            canvas.line([(left, y), (left + 40 + row * 6, y)], (158, 206, 216), 1 + row * 0.14)
    shore = [(0, 590), (180, 552), (420, 566), (640, 540), (860, 556), (1000, 528), (1000, 860), (0, 860)]
    canvas.polygon([(x, y - 12) for x, y in shore], (232, 240, 238), (232, 240, 238))
    canvas.polygon(shore, (216, 194, 154), (190, 162, 118))
    for index in range(220):
        x, y = (index * 379) % 1000, 600 + (index * 211) % 255
        canvas.ellipse((x, y, x + 4, y + 2), (170, 146, 106))
    canvas.hose([(300, 660), (200, 690), (110, 650), (50, 600), (-30, 590)], (40, 90, 160), 15)
    canvas.hose([(720, 690), (820, 740), (900, 700), (1010, 730)], (60, 140, 84), 13)
    _closed_case(canvas)
    return jpeg(canvas.finished(3, 1), 86)


def _closed_case(canvas: Canvas) -> None:
    canvas.shadow((240, 700, 780, 792), 26, 150)
    canvas.rounded((268, 560, 732, 752), 22, *CASE)
    canvas.rounded((268, 446, 732, 572), 22, (250, 152, 84), (228, 106, 44))
    canvas.rounded((262, 556, 738, 574), 6, *DARK)
    for left in (330, 610):
        canvas.rounded((left, 536, left + 60, 602), 8, (88, 94, 102), (44, 48, 54))
        canvas.rounded((left + 10, 546, left + 50, 560), 4, (132, 138, 146), (90, 96, 104))
    canvas.rounded((420, 646, 580, 690), 20, *DARK)
    canvas.rounded((440, 656, 560, 680), 10, (200, 88, 32), (216, 96, 36))
    canvas.rounded((400, 468, 600, 522), 8, (252, 244, 232), (240, 228, 210))
    canvas.text((500, 495), "BRINEWELL W40", 22, (10, 68, 100))
    for x, color in ((290, (40, 90, 160)), (710, (60, 140, 84))):
        canvas.ellipse((x - 15, 650, x + 15, 684), *DARK)
        canvas.ellipse((x - 8, 657, x + 8, 677), color)
    for left in (300, 660):
        canvas.rounded((left, 744, left + 44, 764), 6, *DARK)


def inside() -> bytes:
    """The open case from above: filters, pump, motor, vessel, panel, valve."""
    canvas = Canvas((940, 760), [(222, 228, 232), (198, 206, 212)])
    canvas.shadow((60, 640, 890, 750), 30, 120)
    canvas.rounded((70, 40, 870, 300), 26, *CASE)
    canvas.rounded((96, 64, 844, 288), 16, (70, 76, 84), (48, 52, 58))
    canvas.rounded((70, 292, 870, 712), 26, *CASE)
    canvas.rounded((96, 318, 844, 688), 16, (58, 62, 70), (36, 40, 46))
    canvas.rounded((110, 332, 830, 674), 10, (150, 158, 166), (184, 192, 198))
    _small_panel(canvas)
    for left in (140, 236):
        canvas.rounded((left - 8, 352, left + 80, 392), 8, (40, 44, 52), (24, 26, 32))
        canvas.rounded((left, 388, left + 72, 540), 24, *BLUE_BOWL, across=True)
    canvas.rounded((360, 372, 452, 512), 8, (176, 132, 66), (226, 186, 110), (168, 122, 58), across=True)
    for row in range(4):
        for left in (374, 424):
            canvas.ellipse((left, 384 + row * 32, left + 16, 400 + row * 32), (240, 240, 240), (130, 130, 130))
    canvas.rounded((452, 392, 496, 496), 4, (20, 70, 100), (10, 46, 70))
    canvas.rounded((496, 376, 716, 512), 30, (108, 116, 124), (186, 192, 198), (78, 84, 92))
    for left in range(520, 700, 16):
        canvas.rounded((left, 378, left + 5, 510), 2, (90, 98, 106), (150, 156, 162), (62, 68, 76))
    canvas.rounded((130, 574, 810, 652), 34, *STEEL)
    canvas.rounded((126, 568, 176, 658), 10, (212, 52, 44), (150, 26, 24))
    canvas.rounded((764, 568, 814, 658), 10, *DARK)
    canvas.ellipse((738, 392, 798, 452), (238, 204, 88), (170, 132, 40))
    canvas.rounded((758, 446, 778, 520), 4, (220, 184, 80), (150, 114, 40), across=True)
    canvas.hose([(312, 470), (336, 500), (340, 450), (362, 440)], (40, 90, 160), 15)
    canvas.hose([(406, 512), (420, 560), (640, 540), (768, 520)], (70, 74, 82), 13)
    canvas.hose([(790, 568), (816, 540), (812, 470), (822, 360)], (60, 140, 84), 12)
    return jpeg(canvas.finished(2.5, 2))


def _small_panel(canvas: Canvas) -> None:
    canvas.rounded((300, 92, 640, 262), 12, (232, 236, 238), (206, 212, 216))
    canvas.rounded((322, 112, 470, 190), 6, (24, 60, 66), (32, 84, 88))
    for index, color in enumerate([(46, 150, 84), (208, 52, 44), (44, 106, 190), (236, 178, 40)]):
        left = 326 + index * 44
        canvas.ellipse((left, 208, left + 32, 240), color)
    canvas.ellipse((530, 116, 610, 196), (70, 76, 84), (28, 32, 38))
    canvas.line([(570, 156), (590, 132)], (240, 240, 240), 5)


def panel() -> bytes:
    """The control panel from the front, its display lit."""
    canvas = Canvas((940, 560), [(228, 232, 235), (202, 208, 213)])
    for x, y in ((34, 34), (906, 34), (34, 526), (906, 526)):
        canvas.ellipse((x - 13, y - 13, x + 13, y + 13), (250, 250, 250), (150, 156, 162))
        canvas.line([(x - 7, y - 7), (x + 7, y + 7)], (90, 96, 102), 3)
    canvas.rounded((80, 70, 560, 320), 16, (40, 44, 50), (24, 27, 32))
    canvas.rounded((100, 90, 540, 300), 8, (18, 62, 70), (26, 88, 92))
    glow = (176, 246, 226)
    canvas.text((330, 170), READING["mg/L"], 108, glow, "rm")
    canvas.text((350, 196), "mg/L", 36, glow, "lm")
    canvas.text((130, 268), f"{READING['L/h']} L/h", 32, glow, "lm")
    canvas.text((512, 268), f"{READING['MPa']} MPa", 32, glow, "rm")
    canvas.glow((596, 96, 668, 168), (120, 255, 160), 26, 200)
    canvas.ellipse((608, 108, 656, 156), (170, 255, 190), (40, 190, 96))
    buttons = [("START", (46, 150, 84)), ("STOP", (208, 52, 44)), ("FLUSH", (44, 106, 190)), ("MODE", (236, 178, 40))]
    for index, (word, color) in enumerate(buttons):
        x = 140 + index * 120
        dark: Rgb = (int(color[0] * 0.7), int(color[1] * 0.7), int(color[2] * 0.7))
        canvas.shadow((x - 46, 372, x + 50, 468), 10, 110)
        canvas.ellipse((x - 46, 360, x + 46, 452), color, dark)
        canvas.ellipse((x - 36, 366, x + 36, 420), tuple(min(255, c + 26) for c in color), color)  # type: ignore[arg-type]
        canvas.text((x, 490), word, 24, (52, 58, 66))
    canvas.shadow((672, 260, 872, 460), 26, 120)
    canvas.ellipse((676, 246, 868, 438), (96, 102, 110), (36, 40, 46))
    canvas.ellipse((704, 274, 840, 410), (64, 70, 78), (46, 50, 56))
    canvas.line([(772, 342), (818, 286)], (244, 244, 244), 8)
    canvas.text((772, 478), "PRESSURE", 24, (52, 58, 66))
    return jpeg(canvas.finished(2, 3), 90)


def plate() -> bytes:
    """The engraved rating plate on the orange lid."""
    canvas = Canvas((900, 520), CASE[:2])
    canvas.shadow((60, 70, 850, 486), 18, 110)
    canvas.rounded((60, 50, 840, 470), 18, (206, 212, 216), (238, 241, 243), (186, 194, 200))
    for x, y in ((90, 80), (810, 80), (90, 440), (810, 440)):
        canvas.ellipse((x - 12, y - 12, x + 12, y + 12), (250, 250, 250), (128, 134, 140))
    ink = (34, 40, 48)
    canvas.rounded((120, 76, 780, 138), 6, (10, 68, 100), (8, 56, 84))
    canvas.text((450, 107), "BRINEWELL  W40", 38, (244, 246, 248))
    names = ("Serial number", "Year built", "Supply", "Max. pressure", "Dry weight", "Approval")
    for index, (name, value) in enumerate(zip(names, PLATE, strict=True)):
        y = 176 + index * 45
        canvas.text((130, y), name, 27, (84, 92, 100), "lm")
        canvas.text((430, y), value, 32, ink, "lm")
        canvas.line([(126, y + 23), (774, y + 23)], (168, 176, 182), 1)
    canvas.polygon([(728, 268), (684, 344), (772, 344)], (250, 206, 50), (238, 184, 30))
    canvas.text((728, 322), "!", 48, ink)
    return jpeg(canvas.finished(3, 4), 90)


AGES: dict[str, tuple[tuple[Rgb, ...], Rgb]] = {
    "a": (((206, 210, 212), (252, 253, 253), (238, 240, 241), (188, 194, 198)), (214, 218, 220)),
    "b": (((164, 140, 96), (232, 212, 166), (208, 182, 130), (140, 116, 74)), (182, 154, 104)),
    "c": (((50, 38, 26), (118, 90, 60), (88, 64, 42), (38, 28, 20)), (58, 42, 28)),
}
"""Shades and stain of a cartridge: new, after 60 hours, at the end of its life."""


@cache
def cartridge(age: str) -> bytes:
    """A pleated cartridge standing on a bench."""
    stops, stain = AGES[age]
    canvas = Canvas((460, 560), [(214, 224, 230), (236, 241, 244)])
    canvas.polygon([(0, 430), (460, 430), (460, 560), (0, 560)], (176, 182, 186), (204, 208, 211))
    canvas.shadow((110, 462, 390, 530), 20, 150)
    canvas.rounded((140, 80, 320, 500), 10, *stops, across=True)
    for index in range(18):
        x = 146 + index * 10
        canvas.line([(x, 92), (x, 488)], stain, 1.4)
    for index in range({"a": 0, "b": 14, "c": 60}[age]):
        x, y = 150 + (index * 67) % 156, 150 + (index * 151) % 320
        canvas.ellipse((x, y, x + 7 + index % 9, y + 5 + index % 7), stain)
    for y in (60, 484):
        canvas.rounded(
            (130, y, 330, y + 36), 8, (28, 74, 130), (86, 146, 204), (40, 92, 158), (20, 54, 100), across=True
        )
    canvas.ellipse((196, 54, 264, 76), (16, 40, 76))
    return jpeg(canvas.finished(3, ord(age)))
