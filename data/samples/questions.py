"""questions.jsonl: forty questions, with the places of their answers looked up in the generated documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from extractors.pdf.render import pymupdf
from samples import charts, deck, parts, photos, scan, scenes
from samples.catalogue import PRODUCTS
from samples.flow import Record


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the place of its answer.

    `place`: in the manual a label ("figure 3") or words of the page; in the scan words of the page;
    in the deck the slide's title; in the catalogue the product's name.
    """

    kind: str
    text: str
    answer: str
    place: str
    needs: str = "text"
    also: str = ""
    """Words of another page of the manual that answers it, too."""


COLD = charts.TEMPERATURES[charts.OUTPUT[35].index(24)]
LATE = next(hour + 1 for hour, litres in charts.litres_by().items() if litres > 98)

MANUAL = [
    Question("text", "How long must I wait after shutting down before I may loosen anything on the pressurised side?",
             "about 40 seconds", "40 seconds after it stops", also="falls through the bleed orifice"),
    Question("text", "We only have town water to rinse with. Is that all right?",
             "never rinse it with tap water unless the carbon cartridge BW-1165 is fitted",
             "never rinse it with tap water"),
    Question("text", "Above which salt content does the machine refuse to fill the tank?", "500 mg/L",
             "returns it to the brine line", also="Salinity of the fresh water below"),
    Question("text", "What does the indicator do when plus and minus have been swapped?", "the lamp B blinks red",
             "the lamp B blinks red"),
    Question("text", "For how long does one have to pour the product away when the membrane is brand-new?",
             "60 minutes",
             "taste nothing"),
    Question("text", "How much fresh water does rinsing at the end of the day use up?", "12 L",
             "End every day with a flush"),
    Question("text", "Which of the two cleaning agents goes in first if I cannot tell what kind of dirt it is?",
             "the alkaline one", "acid hardens slime"),
    Question("text", "What do I put into the machine so that it survives minus twenty degrees?",
             "propylene glycol of food grade", "propylene glycol"),
    Question("text", "How can I tell a damaged ring on the permeate tube from a torn membrane?",
             "sampling probe BW-4490",
             "sampling probe BW-4490"),
    Question("text", "Until when is the membrane covered if it fails?", "12 months", "The membrane is covered for"),
    Question("table", "How tight do the screws of the pump head have to be?", "24 N·m", "table 7"),
    Question("table", "It says E06 and has stopped. What now?", "shade the unit, use Eco", "table 8"),
    Question("table", "What gauge of copper do I need for five metres when running at the highest output?", "16 mm²",
             "table 2"),
    Question("table", "Which article do I order to renew the ceramic rods of the pump?", "BW-3222", "table 6"),
    Question("table", "After how much running does the lubricant have to be renewed regularly?", "every 250 h",
             "table 5"),
    Question("table", "How much boron is left once the sea water has been treated?", "1.1", "table 4"),
    Question("figure", "What does a litre cost in energy at the highest setting with ordinary sea water?",
             f"{charts.ENERGY['Boost'][1]} Wh", "figure 8", "picture"),
    Question("figure", "How many litres an hour can I hope for with the Baltic at 10 degrees and 20 grams of salt?",
             f"about {charts.OUTPUT[20][2]} L/h", "figure 9", "picture"),
    Question("figure", "Roughly how cold is ordinary sea water when the yield has sunk to 24 litres an hour?",
             f"about {COLD} °C",
             "figure 9", "picture"),
    Question("figure", "It is 35 degrees in the case and I cannot rinse. How many days do I have?",
             f"{charts.FLUSH_DAYS['35 °C']} days", "figure 10", "picture"),
    Question("figure", "By what time of day have a hundred litres been made when running on sunshine alone?",
             f"about {LATE} o'clock", "figure 11", "picture"),
    Question("figure", "How far from the intake should the concentrate go back into the sea?", "6 m min.", "figure 6",
             "picture"),
    Question("figure", "Which contacts does the level switch of the tank go to, and what colours are its wires?",
             "5 and 6, white and green", "figure 7", "picture"),
    Question("figure", "The gauge before the pump shows 30 kPa. What does the decision tree say?",
             "Clean the strainer, then bleed the hose", "figure 15", "picture"),
    Question("figure",
             "Counting from the top bolt as one, which screw of the cap comes second: its neighbour or the one "
             "across?", f"the one across, {parts.ORDER.index(2)} places round", "figure 14", "picture"),
    Question("figure", "What salinity does the lit display on the front show?", f"{photos.READING['mg/L']} mg/L",
             "figure 3",
             "picture"),
    Question("figure", "What colour is the button for rinsing?", "blue", "figure 3", "picture"),
    Question("figure", "Which approval number is stamped on the metal label in the lid?", photos.PLATE[5], "figure 4",
             "picture"),
    Question("figure", "What does a filter insert look like when it may be washed out and used once more?",
             "tan, light brown", "figure 12", "picture"),
]  # fmt: skip

SCAN = [
    Question("scan", "How much did the spare parts of the yearly visit come to?", scan.TOTAL, "Total, EUR"),
    Question("scan", "At which depth did the technician's probe find the leak?", "300 mm", "Probe test"),
    Question("scan", "Which two points failed when the safety of the boathouse unit was checked?",
             "Tank switch S3, Lid seal", "Safety check"),
]  # fmt: skip

DECK = [
    Question("slide", "In which week did the boathouse make the least, and how much?",
             f"Week 5, {min(deck.OUTPUT['Boathouse'])} L", deck.TITLES[3]),
    Question("slide", "What did drinking water delivered by lorry use to cost the hospital?", deck.COSTS[2][3],
             deck.TITLES[4]),
    Question("notes", "What would the island's water cost if the boat trips were left out?", "14.20 euros",
             deck.TITLES[4]),
    Question("notes", "Why did the boathouse yield so little at the end of August?", "the torn O-ring", deck.TITLES[3]),
    Question("slide", "How long is the sea crossing to the island in kilometres?", f"{scenes.FERRY_KM} km",
             deck.TITLES[2],
             "picture"),
]  # fmt: skip

CATALOGUE = [
    Question("product", "something warm and blue under 250 euros with a zip in a contrasting colour", "orange zip",
             "Down jacket Fulmar", "picture"),
    Question("product", "a light that burns the whole night in a storm", "20 hours", "Hurricane lantern"),
    Question("product", "footgear with red laces that can be resoled", "sole that a cobbler can renew",
             "Hiking boot Scree"),
]  # fmt: skip


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def _page_of(words: str, pages: list[str]) -> int:
    """The only page that contains the words. Raises `ValueError` if there is none or more than one."""
    found = [number for number, text in enumerate(pages, 1) if words in text]
    if len(found) != 1:
        raise ValueError(f"{words!r} stands on pages {found} of the manual; it must stand on one")
    return found[0]


def _manual_pages(question: Question, pages: list[str], record: Record) -> list[int]:
    """The page of the label or the words, and the other page, if any."""
    labelled = question.kind in ("figure", "table")
    first = record.floats[question.place] if labelled else _page_of(question.place, pages)
    return [first, _page_of(question.also, pages)] if question.also else [first]


def _row(number: int, question: Question, document: str, pages: list[int]) -> dict[str, object]:
    return {
        "id": f"q{number:02}",
        "text": question.text,
        "document": document,
        "page": pages[0],
        "pages": pages,
        "label": question.place if question.kind in ("figure", "table") else "",
        "answer": question.answer,
        "kind": question.kind,
        "needs": question.needs,
    }


def _scan_page(question: Question) -> int:
    return next(number for number, words in enumerate(scan.WORDS, 1) if question.place in words)


def _product(question: Question) -> str:
    return next(f"products.csv#{product.id}" for product in PRODUCTS if product.name == question.place)


def make(target: Path, manual: Path, record: Record) -> None:
    """Write all questions as JSON lines to `target`; `manual` is searched for the pages."""
    with pymupdf().open(manual) as document:
        pages = [_squeezed(page.get_text()) for page in document]
    places = [
        *((question, "manual.pdf", _manual_pages(question, pages, record)) for question in MANUAL),
        *((question, "scan.pdf", [_scan_page(question)]) for question in SCAN),
        *((question, "deck.pptx", [deck.TITLES.index(question.place) + 1]) for question in DECK),
        *((question, _product(question), [1]) for question in CATALOGUE),
    ]
    rows = [_row(number, *place) for number, place in enumerate(places, 1)]
    target.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
