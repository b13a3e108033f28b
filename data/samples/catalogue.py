"""catalogue/: twelve products of an outdoor shop, with a picture each, and products.csv."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from samples.goods import PAINTERS
from samples.paint import Canvas, jpeg


@dataclass(frozen=True, slots=True)
class Product:
    """One row of products.csv; `price` in euros."""

    id: int
    name: str
    price: str
    category: str
    colour: str
    description: str
    image: str


ROWS = [
    ("Enamel mug", "14.50", "kitchen", "red", "enamel-mug",
     "Steel cup under two coats of enamel. Holds 0.4 L, stands on the embers, chips instead of breaking."),
    ("Rain jacket Skua", "129.00", "jackets", "yellow", "rain-jacket",
     "Hooded oilskin with welded seams and storm flaps over its pockets. Keeps out a day of rain at sea."),
    ("Down jacket Fulmar", "219.00", "jackets", "blue", "down-jacket",
     "Quilted goose down, 800 cuin, 410 g. Packs into its own pocket; not for wet days."),
    ("Backpack Fell 45", "158.00", "luggage", "green", "backpack",
     "Waxed canvas, 45 litres, leather straps, and loops below for a sleeping mat."),
    ("Tent Ridge 2", "289.00", "shelter", "orange", "tent",
     "Two sleepers, 2.9 kg, pitched in six minutes with two poles. Withstands gusts of 80 km/h."),
    ("Hurricane lantern", "46.00", "lighting", "black", "lantern",
     "Burns paraffin for 20 hours on one filling, in any wind. The glass lifts with a lever."),
    ("Pocket compass", "64.90", "navigation", "brass", "compass",
     "Damped needle in a turned case. Settles in three seconds, graduated in steps of five degrees."),
    ("Camp kettle", "38.00", "kitchen", "teal", "kettle",
     "Aluminium, 1.2 litres, 290 g. Boils for two cups in under four minutes on a spirit burner."),
    ("Hiking boot Scree", "174.00", "footwear", "brown", "hiking-boot",
     "Greased leather, sewn welt, sole that a cobbler can renew. Sizes 36 to 48, also in halves."),
    ("Bobble hat", "29.00", "clothing", "navy", "bobble-hat",
     "Knitted from the wool of one flock. Washes at 30 degrees, dries flat, itches for a week."),
    ("Canoe Heron", "1480.00", "boats", "red", "canoe",
     "Open boat for two, 4.6 m long, 27 kg, royalex hull. Paddles are part of the price."),
    ("Umbrella Gale", "52.00", "rainwear", "multicoloured", "umbrella",
     "Ribs of glass fibre that turn inside out and back without harm. Ash handle, 1.1 m across."),
]  # fmt: skip

PRODUCTS = [
    Product(index, name, price, category, colour, description, f"{image}.jpg")
    for index, (name, price, category, colour, image, description) in enumerate(ROWS, 1)
]


def make(target: Path) -> None:
    """Write products.csv and its pictures to the folder `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for product in PRODUCTS:
        canvas = Canvas((640, 640), [(243, 245, 247), (226, 231, 235)])
        PAINTERS[product.image.removesuffix(".jpg")](canvas)
        (target / product.image).write_bytes(jpeg(canvas.finished(1.5, product.id)))
    with (target / "products.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [column.name for column in fields(Product)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(product) for product in PRODUCTS)
