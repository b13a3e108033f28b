"""Where a flow run gets its settings and keys: parameters, blocks and Variables of a Prefect server."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import ModuleType

import pytest
from prefect import flow
from prefect.blocks.system import Secret
from prefect.variables import Variable
from pydantic import ValidationError

from diptych import Settings
from diptych.errors import SettingsError
from diptych.settings import API_KEY_VARIABLE
from flows.deployment import flow_settings as settings_of_flows
from flows.deployment.flow_settings import StoreChoice, flow_paths, flow_settings, store_reference
from flows.deployment.store_block import DiptychStore
from flows.runs import shared_store
from flows.runs.shared_store import key_variables, shared_diptych

LUNA = "openai:gpt-6-luna"


def rename(monkeypatch: pytest.MonkeyPatch, module: ModuleType, constant: str, name: str) -> str:
    """Another name for what has this `name` on the server, where runs of other test files would find it, too."""
    assert getattr(module, constant) == name
    monkeypatch.setattr(module, constant, f"{name}0")
    return f"{name}0"


@pytest.mark.usefixtures("prefect_server")
def test_runs_in_one_process_only_see_the_keys_of_their_own_blocks(tmp_path: Path) -> None:
    both_open = Barrier(2, timeout=600)

    @flow
    def read_key(store: StoreChoice) -> str:
        settings = flow_settings(store)
        with shared_diptych(settings) as diptych:
            both_open.wait()
            endpoint = diptych.settings.endpoint("captioner")
            assert endpoint
            assert "key-of" not in repr(diptych.settings) + str(endpoint)
            assert b"key-of" not in pickle.dumps(diptych.settings)
            return endpoint.secret

    def run(team: str) -> str:
        Secret(value=f"key-of-{team}").save(f"team-{team}-key", overwrite=True)
        settings = {"captioner": LUNA, "openai": {"key": f"TEAM_{team.upper()}_KEY"}}
        block = DiptychStore(store=str(tmp_path / team), settings=settings)
        block.save(f"store-of-{team}", overwrite=True)
        return read_key(f"diptych-store/store-of-{team}")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(run, ["a", "b"])) == ["key-of-a", "key-of-b"]
    assert not any("key-of-" in value for value in os.environ.values())


@pytest.mark.usefixtures("prefect_server")
def test_credentials_of_places_come_from_a_secret_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = rename(monkeypatch, shared_store, "PLACES_BLOCK", "diptych-places")

    @flow
    def read() -> str:
        with shared_diptych(flow_settings(str(tmp_path))) as diptych:
            assert "secret-of-bucket" not in repr(diptych.settings)
            return diptych.settings.places["s3://bucket"]["secret"].get_secret_value()

    Secret(value={"s3://bucket": {"secret": "secret-of-bucket"}}).save(block, overwrite=True)
    try:
        assert read() == "secret-of-bucket"
        Secret(value="secret-of-bucket").save(block, overwrite=True)
        with pytest.raises(SettingsError, match=f"the block {block} does not hold JSON") as error:
            read()
        assert "secret-of-bucket" not in str(error.value)
    finally:
        Secret.delete(block)


@pytest.mark.usefixtures("prefect_server")
def test_variables_and_blocks_apply_within_runs_only(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen_paths = rename(monkeypatch, settings_of_flows, "PATHS_VARIABLE", "diptych_paths")
    chosen_store = rename(monkeypatch, settings_of_flows, "STORE_VARIABLE", "diptych_store")

    @flow
    def read(store: StoreChoice = None, paths: list[str] | None = None) -> tuple[str, list[str], str]:
        settings = flow_settings(store)
        return settings.store, flow_paths(paths), str(settings.pictures or "")

    block = DiptychStore(store="s", pictures="p", settings={"dpi": 300})
    block.save("of-a-variable", overwrite=True)
    Variable.set(chosen_paths, ["reports", "shop"], overwrite=True)
    Variable.set(chosen_store, "diptych-store/of-a-variable", overwrite=True)
    try:
        assert read() == ("s", ["reports", "shop"], "p")
        assert read(block) == ("s", ["reports", "shop"], "p")
        assert read("elsewhere", ["one.pdf"]) == ("elsewhere", ["one.pdf"], "")
        assert flow_settings(None).store == ".diptych"
        with pytest.raises(SettingsError, match=r"diptych-store/no-such-block cannot be used"):
            read("diptych-store/no-such-block")
    finally:
        Variable.unset(chosen_paths)
        Variable.unset(chosen_store)
    with pytest.raises(SettingsError, match=f"set the parameter `paths`, or the Variable `{chosen_paths}`"):
        read()
    assert store_reference(block) == "diptych-store/of-a-variable"
    assert store_reference(None) == ""


def test_block_refuses_wrong_settings_passwords_and_tenants() -> None:
    with pytest.raises(ValidationError, match="no such setting, perhaps `captioner`"):
        DiptychStore(store="s", settings={"captoner": LUNA})
    for settings in ({"passwords": {"*.pdf": "x"}}, {"tenant": "theirs"}):
        with pytest.raises(ValidationError, match="everybody sees and changes"):
            DiptychStore(store="s", settings=settings)


def test_keys_are_read_for_a_server_too() -> None:
    settings = Settings(store="http://localhost:1")
    assert key_variables(settings) == [API_KEY_VARIABLE]
    assert settings.with_keys({API_KEY_VARIABLE: "k"}).secret(API_KEY_VARIABLE) == "k"
    assert settings.secret(API_KEY_VARIABLE) == ""
