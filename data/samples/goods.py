"""The pictures of the catalogue, one function per product, 640 x 640 pixels."""

from __future__ import annotations

from math import cos, pi, sin

from samples.paint import Canvas, Rgb

Shades = tuple[Rgb, ...]


def _round(color: Rgb) -> Shades:
    """Shades of a round body of this colour, from its left to its right edge."""
    return (mix(color, 0.72), mix(color, 1.18), color, mix(color, 0.62))


def mix(color: Rgb, light: float) -> Rgb:
    """The colour made lighter (> 1) or darker (< 1)."""
    red, green, blue = (int(min(255, part * light + max(0.0, light - 1) * 60)) for part in color)
    return (red, green, blue)


def mug(c: Canvas) -> None:
    """A red enamel mug with a dark rim."""
    red = (206, 44, 40)
    c.shadow((150, 500, 520, 570), 22, 130)
    c.arc((350, 240, 540, 450), -90, 90, mix(red, 0.8), 30)
    c.rounded((160, 170, 440, 540), 34, *_round(red), across=True)
    c.ellipse((160, 140, 440, 216), (40, 44, 52), (60, 64, 72))
    c.ellipse((172, 150, 428, 208), (246, 244, 238), (214, 210, 202))
    for x, y in ((220, 300), (330, 410), (250, 470), (370, 280)):
        c.ellipse((x, y, x + 9, y + 9), (250, 236, 226))


def _jacket(c: Canvas, color: Rgb) -> None:
    c.shadow((130, 540, 510, 600), 24, 120)
    for side in (-1, 1):
        x = 320 + side * 92
        c.polygon([(x, 170), (x + side * 60, 200), (x + side * 118, 470), (x + side * 56, 492), (x + side * 8, 330)],
                  mix(color, 1.05), mix(color, 0.72))  # fmt: skip
    c.polygon(
        [(228, 168), (412, 168), (440, 340), (446, 560), (194, 560), (200, 340)], mix(color, 1.1), mix(color, 0.8)
    )


def rain_jacket(c: Canvas) -> None:
    """Yellow, with a hood and two big pockets."""
    yellow = (250, 204, 40)
    _jacket(c, yellow)
    c.ellipse((236, 70, 404, 240), mix(yellow, 1.08), mix(yellow, 0.75))
    c.ellipse((266, 104, 374, 226), (96, 74, 20), (140, 108, 30))
    c.line([(320, 232), (320, 556)], mix(yellow, 0.6), 5)
    for y in (280, 350, 420, 490):
        c.ellipse((310, y, 330, y + 20), (60, 64, 70), (30, 34, 40))
    for left in (220, 346):
        c.rounded((left, 420, left + 76, 504), 6, mix(yellow, 0.92), mix(yellow, 0.84))
        c.rounded((left - 4, 412, left + 80, 436), 5, mix(yellow, 0.7))


def down_jacket(c: Canvas) -> None:
    """Blue, quilted, with an orange zip."""
    blue = (38, 92, 176)
    _jacket(c, blue)
    c.rounded((262, 120, 378, 190), 22, mix(blue, 1.15), mix(blue, 0.8))
    for y in range(214, 560, 48):
        c.line([(206, y), (320, y + 12), (436, y)], mix(blue, 0.58), 4)
        c.line([(210, y + 6), (320, y + 18), (432, y + 6)], mix(blue, 1.25), 2)
    for side in (-1, 1):
        for step in range(5):
            x, y = 320 + side * (132 + step * 10), 244 + step * 50
            c.line([(x - 20, y + side * 7), (x + 18, y - side * 7)], mix(blue, 0.55), 3)
    c.line([(320, 126), (320, 556)], (240, 128, 40), 7)


def backpack(c: Canvas) -> None:
    """Green, with a lid, two straps and a rolled mat."""
    green = (52, 116, 72)
    c.shadow((150, 550, 500, 610), 24, 130)
    c.arc((270, 70, 370, 170), 180, 360, mix(green, 0.5), 16)
    c.rounded((180, 140, 460, 560), 70, *_round(green), across=True)
    c.rounded((164, 124, 476, 276), 56, mix(green, 1.2), mix(green, 0.8))
    c.rounded((222, 350, 418, 510), 26, mix(green, 1.1), mix(green, 0.78))
    c.line([(240, 386), (400, 386)], (224, 176, 96), 6)
    for x in (236, 404):
        c.rounded((x - 12, 230, x + 12, 350), 4, (120, 78, 40), (84, 52, 26))
        c.rounded((x - 17, 296, x + 17, 326), 5, (230, 200, 130), (160, 130, 70))
    c.rounded((170, 548, 470, 606), 28, (236, 132, 60), (178, 84, 30))
    for x in (230, 400):
        c.rounded((x, 544, x + 16, 610), 3, (60, 44, 30))


def tent(c: Canvas) -> None:
    """An orange ridge tent with an open door."""
    orange = (240, 130, 44)
    c.polygon([(0, 470), (640, 470), (640, 640), (0, 640)], (122, 160, 88), (90, 128, 66))
    c.shadow((60, 480, 600, 560), 24, 130)
    c.polygon([(240, 170), (460, 200), (610, 500), (420, 520)], mix(orange, 0.9), mix(orange, 0.66))
    c.polygon([(240, 170), (60, 520), (420, 520)], mix(orange, 1.12), mix(orange, 0.9))
    c.polygon([(240, 240), (170, 520), (310, 520)], (70, 50, 40), (36, 28, 26))
    c.polygon([(240, 240), (310, 520), (352, 520)], mix(orange, 1.25), mix(orange, 1.0))
    for a, b in (((60, 520), (16, 548)), ((610, 500), (634, 520)), ((240, 170), (40, 400))):
        c.line([a, b], (240, 236, 226), 3)
    c.line([(240, 176), (240, 148)], (90, 94, 100), 6)


def lantern(c: Canvas) -> None:
    """A black hurricane lantern, burning."""
    iron = (44, 48, 54)
    c.glow((150, 190, 490, 500), (255, 214, 130), 80, 190)
    c.shadow((190, 570, 450, 616), 18, 130)
    c.arc((200, 30, 440, 330), 180, 360, iron, 8)
    for x in (212, 428):
        c.line([(x, 190), (x, 500)], iron, 14)
    c.rounded((262, 120, 378, 200), 16, mix(iron, 1.6), mix(iron, 0.8))
    c.rounded((240, 186, 400, 214), 10, mix(iron, 1.4), iron)
    c.ellipse((236, 210, 404, 450), (255, 240, 196), (250, 206, 120), (232, 170, 80))
    c.polygon([(320, 270), (346, 360), (320, 404), (294, 360)], (255, 250, 220), (250, 150, 40))
    c.line([(246, 330), (394, 330)], mix(iron, 1.3), 5)
    c.rounded((226, 440, 414, 486), 12, mix(iron, 1.5), iron)
    c.rounded((196, 480, 444, 590), 34, *_round((58, 64, 72)), across=True)
    c.ellipse((432, 506, 468, 542), (220, 180, 90), (150, 112, 46))


def compass(c: Canvas) -> None:
    """A brass compass with a red needle that points to the upper right."""
    c.shadow((110, 120, 560, 590), 30, 120)
    c.ellipse((280, 22, 360, 102), (226, 186, 92), (150, 108, 40))
    c.ellipse((302, 44, 338, 80), (236, 240, 243), (222, 228, 232))
    c.ellipse((90, 90, 550, 550), (240, 206, 118), (196, 152, 66), (138, 98, 34))
    c.ellipse((124, 124, 516, 516), (252, 250, 242), (232, 226, 210))
    for step in range(72):
        angle, inner = step * pi / 36, 166 if step % 6 == 0 else 178
        points = [(320 + r * sin(angle), 320 - r * cos(angle)) for r in (inner, 190)]
        c.line(points, (70, 60, 44), 4 if step % 18 == 0 else 2)
    for word, x, y in (("N", 320, 172), ("E", 468, 320), ("S", 320, 468), ("W", 172, 320)):
        c.text((x, y), word, 40, (50, 44, 36))
    c.polygon([(412, 200), (338, 334), (304, 306)], (224, 52, 40), (190, 34, 28))
    c.polygon([(228, 440), (338, 334), (304, 306)], (210, 216, 222), (150, 158, 166))
    c.ellipse((304, 304, 336, 336), (240, 206, 118), (138, 98, 34))


def kettle(c: Canvas) -> None:
    """A teal camping kettle with a wooden knob."""
    teal = (28, 140, 140)
    c.shadow((120, 520, 540, 590), 22, 130)
    c.arc((190, 110, 450, 440), 168, 372, (58, 62, 68), 16)
    c.polygon([(440, 330), (570, 236), (596, 250), (470, 440)], mix(teal, 1.1), mix(teal, 0.7))
    c.rounded((140, 280, 500, 556), 110, *_round(teal), across=True)
    c.rounded((130, 500, 510, 560), 26, *_round(teal), across=True)
    c.ellipse((226, 250, 414, 320), mix(teal, 1.25), mix(teal, 0.8))
    c.ellipse((296, 220, 344, 268), (184, 124, 66), (120, 74, 34))


def boot(c: Canvas) -> None:
    """A brown hiking boot, seen from the left, with red laces."""
    brown = (134, 84, 46)
    c.shadow((90, 540, 580, 600), 20, 140)
    c.polygon([(190, 110), (370, 110), (384, 320), (500, 380), (560, 450), (566, 520), (150, 520), (168, 320)],
              mix(brown, 1.2), mix(brown, 0.72))  # fmt: skip
    c.ellipse((420, 370, 580, 540), mix(brown, 1.05), mix(brown, 0.7))
    c.rounded((176, 84, 384, 140), 24, (78, 50, 30), (56, 36, 22))
    c.rounded((130, 506, 590, 566), 18, (60, 58, 56), (34, 32, 32))
    for left in range(146, 570, 52):
        c.rounded((left, 552, left + 32, 578), 5, (30, 28, 28))
    c.polygon([(300, 150), (380, 150), (392, 320), (440, 372), (380, 392), (318, 330)], mix(brown, 0.62))
    for index in range(6):
        x, y = 306 + index * 10, 168 + index * 34
        c.line([(x, y), (x + 72, y + 12)], (210, 44, 40), 8)
        c.ellipse((x - 8, y - 8, x + 8, y + 8), (232, 200, 120), (150, 112, 46))


def beanie(c: Canvas) -> None:
    """A hat in stripes of navy and white with a red bobble."""
    navy, white = (30, 52, 98), (244, 242, 236)
    c.shadow((120, 510, 530, 580), 22, 120)
    c.pie((130, 150, 510, 790), 180, 360, mix(navy, 1.2), mix(navy, 0.9))
    for index in range(3):
        y, reach = 250 + index * 76, (126, 166, 186)[index]
        c.rounded((320 - reach, y, 320 + reach, y + 32), 8, white, (216, 212, 202))
    c.ellipse((254, 66, 386, 198), (226, 62, 54), (168, 30, 30))
    for step in range(24):
        angle = step * pi / 12
        c.line([(320 + 34 * cos(angle), 132 + 34 * sin(angle)), (320 + 70 * cos(angle), 132 + 70 * sin(angle))],
               (214, 52, 46), 7)  # fmt: skip
    c.rounded((110, 450, 530, 560), 34, mix(navy, 1.25), mix(navy, 0.85))
    for left in range(136, 520, 26):
        c.line([(left, 462), (left, 548)], mix(navy, 0.6), 4)


def canoe(c: Canvas) -> None:
    """A red canoe with two paddles, on water."""
    red = (200, 46, 44)
    c.polygon([(0, 330), (640, 330), (640, 640), (0, 640)], (84, 156, 184), (38, 104, 140))
    for index in range(26):
        x, y = (index * 197) % 600, 350 + (index * 83) % 270
        c.line([(x, y), (x + 46, y)], (150, 202, 218), 3)
    c.shadow((40, 440, 600, 520), 16, 120)
    c.polygon([(30, 300), (90, 372), (550, 372), (610, 300), (600, 400), (520, 470), (120, 470), (40, 400)],
              mix(red, 1.15), mix(red, 0.66))  # fmt: skip
    c.polygon([(90, 372), (550, 372), (520, 396), (120, 396)], (224, 188, 130), (168, 126, 70))
    for x in (220, 400):
        c.rounded((x, 366, x + 34, 404), 4, (150, 106, 56), (110, 76, 38))
    for a, b in (((170, 210), (330, 372)), ((470, 200), (330, 372))):
        c.line([a, b], (196, 148, 84), 12)
        c.ellipse((a[0] - 34, a[1] - 56, a[0] + 34, a[1] + 36), (226, 184, 116), (180, 132, 66))


def umbrella(c: Canvas) -> None:
    """An open umbrella with panels of four colours and a hooked handle."""
    colors: Shades = ((226, 70, 58), (246, 190, 50), (46, 150, 110), (60, 108, 190))
    c.shadow((250, 560, 440, 596), 14, 90)
    c.line([(320, 90), (320, 510)], (92, 96, 104), 11)
    c.arc((320, 460, 410, 570), 0, 180, (140, 88, 44), 18)
    quarter = [step * pi / 40 for step in range(21)]
    for index, color in enumerate(colors):
        left, right = -260 + index * 130, -130 + index * 130
        down = [(320 + left * sin(angle), 370 - 260 * cos(angle)) for angle in quarter]
        hem = [(320 + left + 6.5 * step, 370 - 30 * sin(step * pi / 20)) for step in range(21)]
        up = [(320 + right * sin(angle), 370 - 260 * cos(angle)) for angle in reversed(quarter)]
        c.polygon([*down, *hem, *up], mix(color, 1.12), mix(color, 0.85))
    c.line([(320, 110), (320, 84)], (60, 64, 70), 12)


PAINTERS = {
    "enamel-mug": mug,
    "rain-jacket": rain_jacket,
    "down-jacket": down_jacket,
    "backpack": backpack,
    "tent": tent,
    "lantern": lantern,
    "compass": compass,
    "kettle": kettle,
    "hiking-boot": boot,
    "bobble-hat": beanie,
    "canoe": canoe,
    "umbrella": umbrella,
}
"""File name of the picture -> who paints it."""
