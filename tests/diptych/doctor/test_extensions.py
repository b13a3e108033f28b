"""Doctor lists formats and encoders, built-in and from other packages, with what each of them lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.doctor import models
from diptych.doctor.models import check_encoders, check_formats
from diptych.settings import Settings
from tests.support.encoder_plugin import install_plugin
from tests.support.onnx_models import write_pair


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(models=tmp_path / "models", cache=tmp_path / "cache")


def test_formats_are_listed_with_what_they_need(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "find_libreoffice", lambda: None)
    check = check_formats(settings)
    assert (check.state, check.fix) == ("ok", "")
    assert check.what.startswith(".pdf, .pptx, .ppt (needs LibreOffice), .odp, .png, .jpg .jpeg,")


def test_broken_format_plugins_are_reported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "failed_plugins", lambda: ("the plug-in `tei` cannot be imported",))
    check = check_formats(settings)
    assert (check.state, check.cost) == ("missing", "files of these formats are not read")
    assert check.what.endswith("; the plug-in `tei` cannot be imported")


def test_built_in_encoders_are_listed_with_what_they_lack(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    write_pair(tmp_path / "models")
    check = check_encoders(settings)
    assert check.state == "ok"
    assert check.what.startswith("minilm, fastembed (files are downloaded when first used), clip, openai (no key: ")
    assert check.what.endswith("unified (unified:MODEL needs the endpoint's address in the setting `unified.base_url`)")


def test_encoder_plugins_are_listed(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_plugin(tmp_path / "site", monkeypatch, "colours = colour_encoders:Colours")
    check = check_encoders(settings)
    assert check.state == "ok"
    assert check.what.endswith(", colours (from colour-encoders)")


def test_broken_encoder_plugins_are_reported(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin(tmp_path / "site", monkeypatch, "torn = colour_encoders:Absent")
    check = check_encoders(settings)
    assert (check.state, check.fix) == ("missing", "pip install --upgrade colour-encoders")
    assert "encoder torn: colour_encoders:Absent from the package colour-encoders cannot be imported" in check.what
