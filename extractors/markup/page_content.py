"""Which part of a web page is its content: without navigation, banners, forms and what is hidden."""

import re
from typing import Any

MIN_LINKS, MAX_LINK_SHARE = 3, 0.6
"""A block with this many links, and this share of its letters in them, is a menu."""
MAX_ENTRY_LENGTH = 50
"""Average letters of the links of a menu; a table of longer ones is an index, such as that of a report's exhibits."""
MAX_FRAME_SHARE = 0.4
"""Share of the content's letters; what holds more is content whatever it is called."""
MIN_RUNNING_TEXT, MIN_TEXT_TO_JUDGE, MIN_DENSE_SHARE = 40, 500, 0.8
"""Letters of a piece of running text; of a page that is long enough to judge; share of them in its content."""
MIN_MAIN_SHARE = 0.2
"""Share of the page's letters from which an element that is marked as the content is believed to be."""

_NO_TEXT = frozenset((
    "script", "style", "template", "noscript", "button", "select", "textarea", "input", "dialog", "iframe",
    "object", "embed", "canvas", "audio", "video", "map", "head", "link", "meta",
))  # fmt: skip
_IN_HEAD = frozenset(("title", "meta", "link", "script", "style", "base", "noscript", "template"))
_DROPPED_ROLES = frozenset((
    "navigation", "banner", "contentinfo", "search", "complementary", "menu", "menubar", "toolbar", "dialog",
    "alert",
))  # fmt: skip
_HIDDEN = re.compile(r"(display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that lxml returns from HTML but does not take back."""
_EDIT_LINKS = frozenset(
    ("mw-editsection", "headerlink", "mw-jump-link", "noprint", "anchorjs-link", "footnote-backref")
)
_BOILERPLATE = re.compile(
    r"(?:^|[\s_-])(?:nav(?:bar|igation)?|menu|breadcrumbs?|sidebar|cookies?|consent|share|sharing|social|related|"
    r"newsletter|subscribe|promo|advert(?:isement)?s?|ads?|banner|comments?|footer|masthead|pagination|pager|skip|toc|"
    r"recommend(?:ed|ations)?|popup|modal|signup|login|toolbar|widget)(?:[\s_-]|$)",
    re.IGNORECASE,
)
_COMMENTS = re.compile(r"(?:^|[\s_-])comments?(?:[\s_-]|$)|disqus", re.IGNORECASE)


def move_content_to_body(root: Any) -> Any:
    """Return a page with the content of its head in its body.

    lxml does not know HTML 5: in a page without tags of head and body, it takes `<main>` for a part of the head.
    """
    head, body = root.find("head"), root.find("body")
    content = [] if head is None else [one for one in head if isinstance(one.tag, str) and one.tag not in _IN_HEAD]
    if not content:
        return root
    body = root.makeelement("body") if body is None else body
    root.append(body)
    content[-1].tail = f"{content[-1].tail or ''}{body.text or ''}"
    body.text = None
    for at, element in enumerate(content):
        body.insert(at, element)
    return root


def find_content(root: Any) -> Any:
    """Return the element of an lxml tree that holds the content of a web page, after removing the rest from it.

    Semantic elements come first (`article`, `main`); in a page without them, the smallest element that holds most of
    the running text. Within it, roles, names of classes and lists of links tell what else there is.
    """
    body = root.find(".//body") if root.tag != "body" else root
    body = root if body is None else body
    drop_hidden(body)
    marked = _marked_content(body)
    root = body if marked is None else marked
    most = MAX_FRAME_SHARE * letters(root)
    is_site = False  # a page without navigation, such as an exported report, is content from end to end
    for element in list(root.iter()):
        if element is root or not _is_below(element, root):
            continue
        is_frame = _is_frame(element, marked is not None) or (marked is None and _is_menu(element))
        if is_frame and (letters(element) <= most or _named(element, _COMMENTS)):
            remove(element)
            is_site = True
    return _densest(root) if is_site else root


def drop_hidden(root: Any) -> None:
    """Remove what is not shown, or not text, from an lxml tree."""
    for element in list(root.iter()):
        if not isinstance(element.tag, str):  # comments and processing instructions
            remove(element)
            continue
        classes = frozenset((element.get("class") or "").split())
        if element is not root and (
            element.tag in _NO_TEXT
            or element.get("hidden") is not None
            or element.get("aria-hidden") == "true"
            or _HIDDEN.search(element.get("style") or "")
            or classes & _EDIT_LINKS
        ):
            remove(element)


def remove(element: Any) -> None:
    """Remove an element, but not the text behind it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = _NOT_XML.sub(" ", (parent.text or "") + element.tail)
        else:
            before.tail = _NOT_XML.sub(" ", (before.tail or "") + element.tail)
    parent.remove(element)


def letters(element: Any) -> int:
    """Number of characters in an element, without white space."""
    return sum(len(text) - text.count(" ") for text in element.itertext() if not text.isspace())


def _is_below(element: Any, content: Any) -> bool:
    """False for what was removed with an element around it."""
    return any(one is content for one in element.iterancestors())


def _densest(body: Any) -> Any:
    """The smallest element with most of the running text: that between the tags of an element, not of short labels."""
    held: dict[Any, int] = {}
    for element in body.iter():
        own = " ".join(filter(None, (element.text, *(child.tail for child in element))))
        length = len(own) - own.count(" ")
        if length >= MIN_RUNNING_TEXT and element.tag not in ("a", "button"):
            for holder in (element, *element.iterancestors()):
                held[holder] = held.get(holder, 0) + length
    total = held.get(body, 0)
    if total < MIN_TEXT_TO_JUDGE:
        return body
    return min((one for one, length in held.items() if length >= MIN_DENSE_SHARE * total), key=letters)


def _marked_content(body: Any) -> Any:
    """The smallest element that is marked as the content and holds a good part of the text, if there is one."""
    total = letters(body)
    for path in (".//article", ".//main", ".//*[@role='main']", ".//*[@itemprop='articleBody']"):
        found = body.findall(path)
        if len(found) == 1 and letters(found[0]) > MIN_MAIN_SHARE * total:
            return found[0]
    return None


def _is_frame(element: Any, inside: bool) -> bool:
    """True for the head and foot of a page, and for what its role or class calls something else than content.

    `inside`: the element is part of marked content, whose header holds its title.
    """
    if (element.get("role") or "") in _DROPPED_ROLES:
        return True
    if element.tag in ("nav", "menu", "footer") or (element.tag in ("aside", "form") and not inside):
        return True
    if element.tag == "header":
        return not inside and element.find(".//h1") is None
    if element.tag not in ("div", "section", "ul", "ol", "p", "span", "table"):
        return False
    return _named(element, _BOILERPLATE) and element.find(".//h1") is None and element.find(".//article") is None


def _named(element: Any, names: re.Pattern[str]) -> bool:
    return bool(names.search(f"{element.get('class') or ''} {element.get('id') or ''}"))


def _is_menu(element: Any) -> bool:
    """True for a list of links: the words of a menu are all in links."""
    if element.tag not in ("ul", "ol", "div", "section", "p", "table") or element.find(".//h1") is not None:
        return False
    links = element.findall(".//a[@href]")
    if len(links) < MIN_LINKS:
        return False
    linked = sum(map(letters, links))
    is_index = linked > MAX_ENTRY_LENGTH * len(links) and (
        element.tag == "table" or element.find(".//table") is not None
    )
    return not is_index and linked > MAX_LINK_SHARE * max(letters(element), 1)
