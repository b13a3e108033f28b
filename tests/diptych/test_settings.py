"""Mistakes in the settings are reported by file, line and name."""

from __future__ import annotations

from pathlib import Path

import pytest

from diptych.errors import SettingsError
from diptych.settings import load_settings
from tests.support.command_line import empty_working_directory as empty_working_directory
from tests.support.command_line import error_line


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('store = "x"\nocr = = 3\n', r"diptych\.toml: cannot be read: .*at line 2, column 7"),
        ('stor = "x"\n', r"`stor`: no such setting, perhaps `store`; see diptych\.toml or DIPTYCH_STOR"),
        ('[openai]\nbase_ur = "x"\n', r"`openai\.base_ur`: no such setting, perhaps `openai\.base_url`;"),
        ("zzzz = 1\n", r"`zzzz`: no such setting; see"),
        ('ocr = "x"\n', r"`ocr` is wrong: Input should be 'auto'"),
    ],
)
def test_mistakes_in_the_file_are_reported(written: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("diptych.toml").write_text(written)
    with pytest.raises(SettingsError, match=says):
        load_settings()
    assert "defect" not in error_line(capsys, "status")


def test_a_binary_file_is_reported() -> None:
    Path("diptych.toml").write_bytes(b'store = "\xff"\n')
    with pytest.raises(SettingsError, match=r"diptych\.toml: cannot be read"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("DIPTYCH_FOO", "1", r"^variable DIPTYCH_FOO: no such setting; unset it$"),
        ("DIPTYCH_ENCODR", "clip", r"DIPTYCH_ENCODR: no such setting, perhaps `DIPTYCH_ENCODER`;"),
        ("DIPTYCH_STORE__X", "1", r"DIPTYCH_STORE__X: no such setting"),
        ("DIPTYCH_OPENAI__BASE", "x", r"`openai\.base`: no such setting, perhaps `openai\.base_url`"),
        ("DIPTYCH_OPENAI", "{", r"openai.* must hold JSON"),
    ],
)
def test_unknown_variables_are_reported(variable: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=says):
        load_settings()


def test_known_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DIPTYCH_STORE": "here",
        "diptych_dpi": "100",
        "DIPTYCH_OPENAI__BASE_URL": "http://localhost",
        "DIPTYCH_WEIGHTS__DENSE": "2",
        "DIPTYCH_OPENAI__KEY": "DIPTYCH_SECRET",
        "DIPTYCH_SECRET": "s",
        "DIPTYCH_OTHER_KEY": "s",
        "DIPTYCH_TRACE": "1",
        "DIPTYCH_TEST_ANYTHING": "1",
    }.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.store, settings.dpi, settings.openai.base_url) == ("here", 100, "http://localhost")
    assert settings.weights == {"dense": 2}


@pytest.mark.parametrize("value", ["eng+deu", "eng, deu", '["eng", "deu"]'])
def test_languages_of_scans_are_a_list_however_they_are_written(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("DIPTYCH_OCR_LANGUAGES", value)
    assert load_settings().ocr_languages == ("eng", "deu")
    assert load_settings().options(None).ocr_languages == "eng+deu"


def test_credentials_of_a_folder_are_refused_because_its_bucket_has_one_connection() -> None:
    for start in ("s3://", "s3://bucket", "sftp://ann@files.example.org:22/"):
        assert load_settings(others={"places": {start: {"key": "k"}}}).places.keys() == {start}
    for start in ("s3://bucket/reports", "bucket"):
        with pytest.raises(SettingsError, match=f"`places` is wrong: {start} must name a bucket or server"):
            load_settings(others={"places": {start: {"key": "k"}}})


def test_automatic_languages_cannot_be_mixed_with_others() -> None:
    with pytest.raises(SettingsError, match='name languages such as "eng", "deu", or only "auto"'):
        load_settings(others={"ocr_languages": ["auto", "eng"]})
