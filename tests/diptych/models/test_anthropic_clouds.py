"""Claude on Vertex AI and Bedrock: addresses, credentials, packages, and messages about missing ones."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

from diptych.errors import ModelError, SettingsError
from diptych.models.vision import VisionRequest
from tests.support.anthropic_fixtures import HAIKU, PAID, QUESTION, SECRET, SOURCES, model
from tests.support.anthropic_fixtures import only_this_key as only_this_key
from tests.support.anthropic_fixtures import vendor as vendor
from tests.support.http_server import Vendor


def test_vertex_uses_its_own_address_and_token(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERTEX_TOKEN", "ya29.token")
    claude = model(vendor, platform="vertex", region="us-east5", project="lab", key="VERTEX_TOKEN")
    told: list[str] = []
    assert claude.ask(QUESTION).usage == PAID
    assert claude.ask(QUESTION, told.append).text == "".join(told) == "An answer in words."
    address = f"/projects/lab/locations/us-east5/publishers/anthropic/models/{HAIKU}"
    assert [sent.path for sent in vendor.requests] == [f"{address}:rawPredict", f"{address}:streamRawPredict"]
    assert vendor.requests[0].headers["authorization"] == "Bearer ya29.token"
    assert vendor.requests[0].json["anthropic_version"]
    assert claude.batch_api is None


def test_bedrock_uses_its_own_address_signature_and_stream_format(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "aws-secret")
    claude = model(vendor, platform="bedrock", region="eu-west-1", name=f"eu.anthropic.{HAIKU}")
    told: list[str] = []
    assert claude.ask(QUESTION).usage == PAID
    assert claude.ask(VisionRequest("", (*SOURCES,)), told.append).cited[1].quotes[0][0] == "p1"
    assert len(told) > 5
    assert vendor.requests[0].path == f"/model/eu.anthropic.{HAIKU}/invoke"
    assert vendor.requests[1].path == f"/model/eu.anthropic.{HAIKU}/invoke-with-response-stream"
    assert vendor.requests[0].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA0/")
    assert "/eu-west-1/bedrock/" in vendor.requests[0].headers["authorization"]
    assert SECRET not in str(vendor.requests)  # the key for direct access is not sent to a cloud
    assert claude.batch_api is None


@pytest.mark.parametrize(
    ("endpoint", "message"),
    [
        ({"platform": "vertex"}, "Claude on Vertex needs a region: set `anthropic.region` or CLOUD_ML_REGION"),
        ({"platform": "vertex", "region": "eu"}, "needs a project: set `anthropic.project`"),
        ({"platform": "bedrock"}, "Claude on Bedrock needs a region: set `anthropic.region` or AWS_REGION"),
    ],
)
def test_missing_region_or_project_is_reported(vendor: Vendor, endpoint: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        model(vendor, **endpoint).ask(QUESTION)
    assert vendor.requests == []


@pytest.mark.parametrize(("platform", "package"), [("vertex", "google.auth"), ("bedrock", "boto3")])
def test_missing_package_is_named(vendor: Vendor, monkeypatch: pytest.MonkeyPatch, platform: str, package: str) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else real(name))
    with pytest.raises(SettingsError, match=rf"pip install 'diptych\[{platform}\]'"):
        model(vendor, platform=platform, region="eu").ask(QUESTION)


def test_missing_cloud_credentials_are_reported(vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere")
    for platform in ("bedrock", "vertex"):
        with pytest.raises(ModelError, match="no working credentials"):
            model(vendor, platform=platform, region="us-east5", project="lab").ask(QUESTION)
    assert vendor.requests == []
