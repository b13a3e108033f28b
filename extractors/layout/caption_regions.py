"""A caption gathers its figure: panels around its region, notes in between, words in the figure's own font."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from extractors import geometry
from extractors.layout import caption_matching as matching
from extractors.layout import regions
from extractors.layout import text_roles as roles
from extractors.layout.captions import Caption
from extractors.layout.regions import Region
from extractors.layout.scene import Scene


def gather(scene: Scene, found: Sequence[Region], pairs: Mapping[int, int]) -> tuple[dict[int, Region], list[Region]]:
    """The whole figure of every caption that `pairs` gives a region of `found`; and the regions left over."""
    whole = {
        caption: _with_notes(scene, found[region], scene.captions[caption])
        for caption, region in pairs.items()
        if region < len(found)
    }
    rest = [region for n, region in enumerate(found) if n not in pairs.values()]
    body = roles.family(scene.body_font)
    rest += [_of_words(paragraph) for paragraph in scene.prose if roles.family(paragraph.font) != body]
    changed = True
    while changed:
        changed = False
        for region in list(rest):
            fits = [(away, c) for c in whole if (away := _panel_distance(scene, whole, c, region)) is not None]
            if fits:
                _, owner = min(fits)
                whole[owner] = regions.merged(whole[owner], region)
                rest.remove(region)
                changed = True
    return whole, [region for region in rest if region.marks]


def _of_words(paragraph: roles.Paragraph) -> Region:
    return Region(paragraph.box, paragraph.box, (), frozenset(paragraph.lines))


def _fonts(scene: Scene, region: Region) -> frozenset[str]:
    """The typefaces of a region's words: a figure's own text is seldom set like the page's."""
    return frozenset(roles.family(scene.layout.lines[i].font) for i in region.labels)


def _with_notes(scene: Scene, region: Region, caption: Caption) -> Region:
    """A figure with the few words that stand between it and its caption."""
    corridor = matching.between(region.box, caption.box)
    if corridor is None:
        return region
    notes = [
        note for note in scene.notes if geometry.coverage(note.box, geometry.merge_boxes([region.box, corridor])) > 0.5
    ]
    notes = [note for note in notes if geometry.area(geometry.intersection(note.box, corridor)) > 0]
    box = geometry.merge_boxes([region.box, *(note.box for note in notes)])
    return replace(region, box=box, labels=region.labels.union(*(note.lines for note in notes)))


def _panel_distance(scene: Scene, whole: Mapping[int, Region], owner: int, region: Region) -> float | None:
    """How far `region` stands from the figure of caption `owner`; None when it cannot be a panel of it."""
    figure, caption = whole[owner], scene.captions[owner]
    if caption.kind == "table":
        return None
    across, down = geometry.gaps(figure.box, region.box)
    if max(across, down) > 60 or (across and down):
        return None
    both = geometry.merge_boxes([figure.box, region.box])
    if any(geometry.area(geometry.intersection(other.box, both)) > 0 for c, other in whole.items() if c != owner):
        return None
    if not region.marks and not (_fonts(scene, region) <= _fonts(scene, figure) and max(across, down) < 25):
        return None
    own = _fonts(scene, figure) - {roles.family(scene.body_font)}
    strange = [*(p.box for p in scene.prose if roles.family(p.font) not in own), *scene.fences]
    if any(
        geometry.coverage(box, both) > 0.3 and geometry.coverage(box, geometry.expand_box(figure.box, 1)) < 0.9
        for box in strange
    ):
        return None
    before, after = caption.box[1] >= figure.box[3] - 3, caption.box[3] <= figure.box[1] + 3
    if (before and region.box[1] > caption.box[1]) or (after and region.box[3] < caption.box[3]):
        return None
    return across + down
