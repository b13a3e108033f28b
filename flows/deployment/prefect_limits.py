"""Global concurrency limits of a Prefect server on what its machines share: OCR, LibreOffice, requests a minute.

They are named in the setting `prefect_limits`, created by `diptych deploy`, and kept by flow runs. A limit that is
missing on the server is an error, because nothing would be limited then.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitCreate, GlobalConcurrencyLimitUpdate
from prefect.concurrency.asyncio import ConcurrencySlotAcquisitionError
from prefect.concurrency.sync import concurrency, rate_limit
from prefect.exceptions import ObjectNotFound

from diptych import Settings
from diptych.errors import SettingsError
from diptych.shared_limits import SharedLimits
from extractors.shared_programs import PROGRAMS, Program

PREFIX = "diptych-"
WAIT_SECONDS = 2.0
"""After which waiting is interrupted to see whether the run was stopped."""


def shared_limits(settings: Settings) -> SharedLimits:
    """The limits of the setting `prefect_limits`."""
    return PrefectLimits(settings.prefect_limits) if settings.prefect_limits else SharedLimits()


class PrefectLimits(SharedLimits):
    """Limits on the configured Prefect server. Raises `SettingsError` for a limit that it does not have."""

    def __init__(self, names: Mapping[str, int]) -> None:
        self._names = frozenset(names)

    @contextmanager
    def using(self, program: Program) -> Iterator[None]:
        with ExitStack() as held:
            if program in self._names:
                self._wait(
                    program,
                    lambda name: held.enter_context(concurrency(name, timeout_seconds=WAIT_SECONDS, strict=True)),
                )
            yield

    def before_request(self, model: str) -> None:
        provider = model.partition(":")[0]
        if provider in self._names:
            self._wait(provider, lambda name: rate_limit(name, timeout_seconds=WAIT_SECONDS, strict=True))

    def _wait(self, name: str, acquire: Callable[[str], Any]) -> None:
        while not self.closed:
            try:
                acquire(PREFIX + name)
                return
            except TimeoutError:
                continue
            except ConcurrencySlotAcquisitionError as error:
                raise SettingsError(
                    f"the Prefect server has no limit {PREFIX}{name}; create it with `diptych deploy`, or remove "
                    f"{name} from the setting `prefect_limits`"
                ) from error


def create_limits(client: SyncPrefectClient, limits: Mapping[str, int]) -> list[str]:
    """Create or update the limits on a server. Returns one line for each change."""
    lines = []
    for short, number in limits.items():
        name, decay = PREFIX + short, 0.0 if short in PROGRAMS else number / 60
        try:
            known = client.read_global_concurrency_limit_by_name(name)
            if (known.limit, known.slot_decay_per_second) == (number, decay):
                continue
            client.update_global_concurrency_limit(
                name, GlobalConcurrencyLimitUpdate(limit=number, slot_decay_per_second=decay)
            )
        except ObjectNotFound:
            client.create_global_concurrency_limit(
                GlobalConcurrencyLimitCreate(name=name, limit=number, slot_decay_per_second=decay)
            )
        lines.append(f"set        limit {name}: {number}{'' if short in PROGRAMS else ' requests a minute'}")
    return lines
