"""The automations of automations.yaml, brought to a Prefect server. Applying them twice changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore

FILE = Path(__file__).parents[1] / "automations.yaml"


def apply_automations(client: SyncPrefectClient) -> list[str]:
    """Create and update the automations on a server that has the deployments. Returns a line for each change."""
    lines = []
    blocks = {block.name: block.id for block in client.read_block_documents(include_secrets=False) if block.name}
    for template in yaml.safe_load(FILE.read_text("utf-8"))["automations"]:
        missing = [
            action["block"] for action in template["actions"] if action.get("block", None) not in {None, *blocks}
        ]
        if missing:
            lines.append(f"left out   {template['name']}: there is no block `{missing.pop()}`")
            continue
        if change := _apply(client, _resolve(client, template, blocks)):
            lines.append(f"{change:<10} {template['name']}")
    return lines


def _apply(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """What was done; empty if nothing was necessary."""
    known = client.read_automations_by_name(wanted.name)
    if not known:
        client.create_automation(wanted)
        return "created"
    wanted.enabled = known[0].enabled
    if _content(known[0]) == _content(wanted):
        return ""
    client.update_automation(known[0].id, wanted)
    return "updated"


def _content(automation: AutomationCore) -> dict[str, Any]:
    """What the template determines, without the ids and times that the server adds.

    Sets stay sets: as JSON, their order would differ from one process to the next.
    """
    return automation.model_dump(
        include={"name", "description", "enabled", "trigger", "actions"}, exclude={"trigger": {"id"}}
    )


def _resolve(client: SyncPrefectClient, template: Mapping[str, Any], blocks: Mapping[str, Any]) -> AutomationCore:
    """A template with the ids of its deployments and blocks."""
    actions = []
    for action in template["actions"]:
        resolved = dict(action)
        if name := resolved.pop("deployment", None):
            resolved |= {"source": "selected", "deployment_id": client.read_deployment_by_name(name).id}
        if name := resolved.pop("block", None):
            resolved["block_document_id"] = blocks[name]
        actions.append(resolved)
    return AutomationCore.model_validate({**template, "actions": actions})
