"""Which picture store a store uses. Both keep an id, so that a command does not take another folder for it.

The register has the id and the address at which the picture store was first used; the picture store has an empty file
for each store that uses it.
"""

import uuid
from itertools import islice
from pathlib import Path

from diptych.errors import StoreError
from diptych.picture_store import PictureStore
from diptych.store.register import read_register, write_fact
from diptych.store.types import PICTURES_ID, Payload, Store
from extractors.pictures.store import image_path
from extractors.types import ImageFile

SAMPLES = 20
"""Pictures of a store without an id, made by an earlier version, of which one must be there."""


def bind_pictures(store: Store, pictures: PictureStore) -> None:
    """Bind a store to the picture store that it is used with first. Raises `StoreError` if it is bound to another."""
    if not _binding(store):
        with store.lock_document(PICTURES_ID):
            if not _binding(store):
                binding = {"id": uuid.uuid4().hex, "address": ""}
                if _has_some_pictures(store, pictures):
                    pictures.add_user(binding["id"])  # first: after a kill in between, the next id is added
                    binding["address"] = pictures.address
                write_fact(store, PICTURES_ID, binding)
    if problem := find_wrong_pictures(store, pictures):
        raise StoreError(problem)


def find_wrong_pictures(store: Store, pictures: PictureStore) -> str:
    """Why this is not the picture store of the store, and what to do; empty if it is, or if that is unknown."""
    binding = _binding(store)
    if not binding or binding["id"] in pictures.users():
        return ""
    known = f", which are in {binding['address']}" if binding["address"] not in ("", pictures.address) else ""
    return (
        f"{pictures.address}: does not hold the pictures and paid captions of this store{known}. Run the command in "
        f"the folder in which the store was filled, or set DIPTYCH_PICTURES to them; if they are lost, create the "
        f"empty file {pictures.user_file(binding['id'])}"
    )


def find_other_users(store: Store, pictures: PictureStore) -> str:
    """Why pictures that this store does not need must stay; empty if no other store uses the picture store."""
    binding = _binding(store)
    others = sorted(pictures.users() - {binding["id"] if binding else ""})
    if not others:
        return ""
    return (
        f"unused pictures are kept, because another store uses {pictures.address}; if that store is gone, delete "
        f"{pictures.user_file(others[0])}"
    )


def _binding(store: Store) -> Payload | None:
    """`id` and `address`; it never changes."""
    return store.facts.get(PICTURES_ID) or read_register(store, [PICTURES_ID])[1].get(PICTURES_ID)


def _has_some_pictures(store: Store, pictures: PictureStore) -> bool:
    """Whether the picture store has some of the first pictures of the store, if that has any."""
    points = islice(store.images.scroll(), SAMPLES)
    files: list[Path] = [image_path(ImageFile(**point.payload["image"]), pictures.folder) for point in points]
    pictures.load(files)
    return not files or any(file.exists() for file in files)
