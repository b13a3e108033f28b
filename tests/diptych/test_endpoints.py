"""Endpoints: their addresses, and those that roles have of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from diptych.endpoints import Anthropic, OpenAI, Unified
from diptych.errors import SettingsError
from diptych.settings import Settings, load_settings

GATEWAY = "https://gateway.example/v1"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("kind", "variable"), [(OpenAI, "OPENAI_BASE_URL"), (Anthropic, "ANTHROPIC_BASE_URL")])
def test_address_comes_from_the_variable_of_the_sdk_unless_it_is_set(
    kind: Any, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kind().address is None
    monkeypatch.setenv(variable, f" {GATEWAY} ")
    assert (kind().address, kind().address_setting) == (GATEWAY, variable)
    own = kind(base_url="http://gpu-box:8000/v1")
    assert (own.address, own.address_setting) == ("http://gpu-box:8000/v1", f"`{kind.provider}.base_url`")
    monkeypatch.setenv(variable, "")
    assert kind().address is None


def test_clouds_and_unified_servers_have_no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(variable, GATEWAY)
    assert [one.address for one in (Anthropic(platform="vertex"), Unified())] == [None, None]


def test_address_without_a_scheme_is_refused_with_the_place_to_correct_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "gateway:8000")
    with pytest.raises(SettingsError, match=r"^OPENAI_BASE_URL is `gateway:8000`; it must begin with http"):
        _ = OpenAI().address
    with pytest.raises(SettingsError, match=r"^`openai\.captioner\.base_url` is `box`"):
        _ = Settings(openai={"captioner": {"base_url": "box"}}).for_role("captioner").openai.address


def test_a_role_changes_only_what_it_sets(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "diptych.toml").write_text(
        'captioner = "openai:llava"\nanswerer = "openai:gpt-6-luna"\n'
        '[openai]\nseconds = 20\nkey = "MAIN"\n'
        '[openai.captioner]\nbase_url = "http://gpu-box/v1"\napi = "chat"\n'
        '[openai.answerer]\nkey = "ANSWERS"\n'
    )
    monkeypatch.setenv("DIPTYCH_OPENAI__CAPTIONER__AT_ONCE", "9")
    settings = load_settings()
    captions, answers = settings.endpoint("captioner"), settings.endpoint("answerer")
    assert isinstance(captions, OpenAI)
    assert isinstance(answers, OpenAI)
    assert (captions.address, captions.api, captions.at_once, captions.seconds) == ("http://gpu-box/v1", "chat", 9, 20)
    assert captions.key == "", "the key of another server must not be sent to this one"
    assert (answers.address, answers.api, answers.key) == (None, "responses", "ANSWERS")
    assert (captions.section, answers.section) == ("openai.captioner", "openai.answerer")
    assert settings.endpoint("encoder") is None  # minilm runs here
    assert settings.for_role("encoder").openai == OpenAI(seconds=20, key="MAIN")


def test_roles_without_changes_share_an_endpoint() -> None:
    settings = Settings(captioner="openai:a", answerer="openai:b", openai=OpenAI(encoder=None))
    assert settings.endpoint("captioner") == settings.endpoint("answerer") == OpenAI()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[openai.captioner]\nbase_ur = "x"\n', r"perhaps `openai\.captioner\.base_url`"),
        ('[anthropic.encoder]\nbase_url = "x"\n', r"`anthropic\.encoder`: no such setting"),
    ],
)
def test_unknown_settings_of_a_role_are_refused(here: Path, content: str, message: str) -> None:
    (here / "diptych.toml").write_text(content)
    with pytest.raises(SettingsError, match=message):
        load_settings()
