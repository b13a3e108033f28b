"""The aliases `text` and `images`, by which other programs read the current edition of a store on a server."""

import re
from collections.abc import Mapping

from qdrant_client import QdrantClient, models

from diptych.errors import StoreError
from diptych.store.types import collection_name

KINDS = ("text", "images")


def publish_edition(client: QdrantClient, collections: str, aliases: str, edition: int) -> None:
    """Point both aliases to the collections of an edition in one step, and never back to an earlier edition.

    `collections`, `aliases`: prefixes of their names. If a name is taken by something else, the plain names stay there;
    with a prefix, which somebody chose for this store, it is a `StoreError`.
    """
    wanted = {f"{aliases}{kind}": f"{collections}-{collection_name(kind, edition)}" for kind in KINDS}
    if _aliases_of(client, wanted) == wanted:
        return
    stored = {one.alias_name: one.collection_name for one in client.get_aliases().aliases}
    changes: list[models.AliasOperations] = []
    for (alias, collection), kind in zip(wanted.items(), KINDS, strict=True):
        current = stored.get(alias) or (alias if client.collection_exists(alias) else "")
        if current:
            found = re.fullmatch(rf"{re.escape(collections)}-{kind}(?:-(\d+))?", current)
            if (not found or current == alias) and not aliases:
                return
            if not found or current == alias:
                owner = "is a collection" if current == alias else f"belongs to the collection {current}"
                raise StoreError(
                    f"{collections}: the alias `{alias}` cannot be set, because that name {owner}. Set another prefix "
                    f"with DIPTYCH_ALIASES, such as `{collections}_`"
                )
            if int(found[1] or 1) >= edition:
                continue
            changes.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=alias)))
        create = models.CreateAlias(collection_name=collection, alias_name=alias)
        changes.append(models.CreateAliasOperation(create_alias=create))
    if changes:
        client.update_collection_aliases(changes)


def _aliases_of(client: QdrantClient, wanted: Mapping[str, str]) -> dict[str, str]:
    """Those of the wanted aliases that exist. Asks for nothing else, which a key for single collections may not."""
    found = (one for name in wanted.values() for one in client.get_collection_aliases(name).aliases)
    return {one.alias_name: one.collection_name for one in found if one.alias_name in wanted}
