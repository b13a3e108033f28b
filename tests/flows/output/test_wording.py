"""Text for people: control characters, line lengths and commands to copy."""

from __future__ import annotations

import json

import pytest

from diptych.printable import one_line, printable
from flows.output.terminal import json_line
from flows.output.wording import diptych_command


@pytest.mark.parametrize("character", ["\x1b", "\x07", "\r", "\x08", "\x9b", "\u202e", "\u2066", "\ud800"])
def test_control_characters_are_escaped(character: str) -> None:
    assert character not in printable(f"a{character}b")
    assert character not in json_line({"text": f"a{character}b"})
    assert json.loads(json_line({"text": f"a{character}b"}))["text"] == f"a{character}b"


def test_other_scripts_stay_readable() -> None:
    assert json_line({"text": "图 5 – Größe"}) == '{"text": "图 5 – Größe"}'
    assert printable("tab\tand\nnewline") == "tab\tand\nnewline"


def test_one_line_cuts_at_a_word() -> None:
    assert one_line("one\n two  three", 9) == "one two…"


def test_command_is_quoted_and_omits_the_default_store() -> None:
    assert diptych_command("delete", "a b.pdf", store="my store") == "diptych delete 'a b.pdf' --store 'my store'"
    assert diptych_command("sweep", store=".diptych") == "diptych sweep"


def test_command_has_the_store_without_user_name_and_password() -> None:
    assert diptych_command("sweep", store="http://a:b@h:6333") == "diptych sweep --store http://h:6333"
    assert diptych_command("sweep", store="/srv/a@b#c") == "diptych sweep --store '/srv/a@b#c'"
