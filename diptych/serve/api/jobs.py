"""The REST API for ingests: start one, and see how far it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from diptych.serve.dependencies import Library
from diptych.serve.jobs import Job, Jobs, NotAllowed
from diptych.serve.options import PREFIX
from diptych.serve.prefix import address
from diptych.serve.problems import PROBLEMS
from diptych.serve.served_library import NotFound

router = APIRouter(prefix=PREFIX, tags=["jobs"], responses=PROBLEMS)
PathName = Annotated[str, Field(min_length=1, max_length=1000)]


class IngestRequest(BaseModel):
    """What to ingest."""

    model_config = ConfigDict(extra="forbid")  # without its paths, a request means all roots

    paths: Annotated[
        list[PathName],
        Field(
            max_length=100,
            description="Files and folders, absolute or below a root of the operator; empty: all roots.",
            examples=[["reports/2026"]],
        ),
    ] = []


@router.post("/jobs", status_code=202, response_model=Job)
async def ingest(request: Request, response: Response, library: Library, body: IngestRequest) -> Job:
    """Ingest files and folders in the background; only what changed is processed."""
    jobs: Jobs | None = request.app.state.jobs
    if not library.options.roots or jobs is None:
        raise NotAllowed("this server ingests nothing; start it with `diptych serve --ingest PATH`")
    job = jobs.start(body.paths, library.options.roots)
    response.headers["location"] = address(f"{PREFIX}/jobs/{job.id}")
    return job


@router.get("/jobs", response_model=list[Job])
async def jobs(request: Request, library: Library) -> Sequence[Job]:
    """List the jobs, the last one first."""
    jobs: Jobs | None = request.app.state.jobs
    names = await library.shown_names()
    return [_shown(job, names) for job in (jobs.list() if jobs else ())]


@router.get("/jobs/{job}", response_model=Job)
async def job(
    request: Request, library: Library, job: Annotated[str, Path(max_length=80, description="The `id` of a job.")]
) -> Job:
    """Show how far a job is."""
    jobs: Jobs | None = request.app.state.jobs
    if jobs is None:
        raise NotFound(f"{job}: no such job; this server ingests nothing")
    return _shown(jobs.find(job), await library.shown_names())


def _shown(job: Job, names: Collection[str] | None) -> Job:
    return job if names is None else job.restricted_to(names)
