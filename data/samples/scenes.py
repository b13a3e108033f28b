"""The deck's own picture: a map with names and distances found nowhere else."""

from __future__ import annotations

from samples.paint import Canvas, Rgb, jpeg, smooth

FERRY_KM, ROAD_KM = 14, 9
HARBOUR = "Ness Harbour"
COAST = (
    (-60, 520), (120, 470), (250, 400), (330, 440), (430, 380),
    (560, 430), (640, 520), (760, 540), (900, 500), (1060, 560),
)  # fmt: skip
ISLAND = (
    (700, 200, -1, 0), (770, 110, -1, -1), (890, 120, 0, -1), (940, 200, 1, 0), (880, 280, 0, 1), (760, 280, -1, 1),
    (700, 200, -1, 0),
)  # fmt: skip
"""x, y, and which way the shallow water around it grows."""


def chart_of_coast() -> bytes:
    """A coloured map: coast, island, three sites, a ferry line and a road."""
    canvas = Canvas((1000, 720), [(168, 212, 228), (140, 194, 216)])
    ink: Rgb = (44, 52, 60)
    land: tuple[Rgb, Rgb] = ((214, 222, 176), (186, 204, 150))
    for grow, stops in ((26, [(182, 222, 234)]), (0, list(land))):
        shore = [(x, y - grow) for x, y in COAST]
        canvas.polygon([*smooth(shore), (1060, 760), (-60, 760)], *stops)
        rim = [(x + grow * sx, y + grow * sy) for x, y, sx, sy in ISLAND]
        canvas.polygon(smooth(rim), *stops)
    for x, y in ((120, 600), (520, 560), (820, 620), (850, 220), (330, 560)):
        canvas.ellipse((x - 60, y - 26, x + 60, y + 26), (160, 190, 128), (142, 174, 112))
    canvas.line(smooth([(250, 424), (300, 520), (440, 500), (560, 470), (610, 520)]), (250, 244, 230), 10)
    ferry = smooth([(610, 500), (640, 400), (700, 320), (770, 262)])
    for start in range(0, len(ferry) - 2, 4):
        canvas.line(ferry[start : start + 3], (36, 92, 150), 5)
    sites = (((250, 420), "Boathouse", (219, 84, 51)), ((610, 512), "Clinic", (11, 69, 102)),
             ((790, 220), "Research hut", (46, 140, 86)))  # fmt: skip
    for (x, y), name, color in sites:
        canvas.shadow((x - 20, y - 4, x + 22, y + 16), 8, 120)
        canvas.polygon([(x - 17, y - 38), (x + 17, y - 38), (x, y)], color)
        canvas.ellipse((x - 22, y - 66, x + 22, y - 22), color)
        canvas.ellipse((x - 9, y - 53, x + 9, y - 35), (255, 255, 255))
        canvas.text((x, y + 28), name, 28, ink)
    canvas.text((612, 576), HARBOUR, 24, (90, 84, 70))
    canvas.text((640, 350), f"ferry {FERRY_KM} km", 25, (36, 92, 150), "rm")
    canvas.text((420, 540), f"road {ROAD_KM} km", 25, (110, 96, 70))
    canvas.text((250, 180), "Sound of Arra", 40, (60, 120, 150))
    canvas.polygon([(930, 640), (950, 690), (930, 678), (910, 690)], ink)
    canvas.text((930, 622), "N", 28, ink)
    return jpeg(canvas.finished(1.5, 9), 88)
