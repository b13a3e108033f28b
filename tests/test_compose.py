"""compose.yaml: pinned images, health checks, no default secrets, and commands that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from flows.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SECRET = re.compile(r"KEY|PASSWORD|SECRET|TOKEN")
KNOWN = {
    "image", "build", "init", "restart", "command", "environment", "ports", "volumes", "depends_on", "healthcheck",
    "stop_grace_period",
}  # fmt: skip
"""Attributes of the compose specification that services here may use; a misspelt one would be refused or ignored."""


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_pinned_and_checked(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= KNOWN
    assert re.fullmatch(r"[\w./-]+:v?\d+(\.\d+)+[\w.-]*", service["image"])
    assert "healthcheck" in service or name == "deploy"  # it ends by itself
    for volume in service.get("volumes", ()):
        source = re.sub(r"^\$\{.*\}", "/folder", volume).split(":")[0]
        assert source.startswith("/") or source in COMPOSE["volumes"]
    for other, condition in service.get("depends_on", {}).items():
        needed = {"service_healthy": "healthcheck", "service_completed_successfully": "command"}
        assert needed[condition["condition"]] in SERVICES[other]


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_from_the_environment_and_have_no_defaults(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if SECRET.search(variable):
            assert re.fullmatch(r"\$\{\w+(:\?set \w+ in \.env|:-)\}", value), variable


def test_required_variables_are_in_the_example() -> None:
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert required == {"QDRANT_API_KEY", "POSTGRES_PASSWORD", "DIPTYCH_TOKEN", "DOCUMENTS"}
    example = (ROOT / ".env.example").read_text()
    assert set(re.findall(r"^#?(\w+)=", example, re.M)) == set(re.findall(r"\$\{(\w+)", TEXT))
    assert re.findall(r"^\w+=(.+)", example, re.M) == []


def test_the_version_and_the_commands_exist() -> None:
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version
    ours = [service for service in SERVICES.values() if "build" in service]
    assert {service["image"] for service in ours} == {f"diptych:{version[1]}"}
    assert {service["command"][1] for service in ours if service["command"][0] == "diptych"} <= set(COMMANDS)


def test_image_contains_what_it_copies() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = {name for line in re.findall(r"^COPY (.*) \S+$", dockerfile, re.M) for name in line.split()}
    assert all((ROOT / name).exists() for name in copied)
    assert {f"!{name}" for name in copied} <= set((ROOT / ".dockerignore").read_text().split())
    assert re.search(r"^FROM python:3\.11\.\d+-\S+$", dockerfile, re.M)
