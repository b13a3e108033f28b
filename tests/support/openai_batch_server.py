"""OpenAI's files and batches. A batch sends its lines to the other routes when it is retrieved."""

from __future__ import annotations

import email
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import Answer, Request


def problem(status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None) -> Answer:
    """An error in OpenAI's format."""
    kind = "invalid_request_error" if status < 429 else "server_error" if status >= 500 else code
    return Answer(status, {"error": {"message": message, "type": kind, "param": None, "code": code}}, headers or {})


@dataclass
class BatchRoutes:
    """Stores files and runs batches of them."""

    batches_end: bool = True
    batch_status: str = "completed"
    """Final status of batches: completed, expired, cancelled or failed."""
    batch_faults: dict[str, int] = field(default_factory=dict)
    """custom_id -> status with which the item fails."""
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    key: str = ""
    """Expected bearer token; empty: any."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __call__(self, request: Request) -> Answer | None:
        return self.batch_route(request)

    def batch_route(self, request: Request) -> Answer | None:
        match request.method, request.path.removeprefix("/v1").split("?")[0].strip("/").split("/"):
            case "POST", ["files"]:
                return self._upload(request)
            case "GET", ["files", name, "content"] if name in self.files:
                return Answer(200, self.files[name], {"content-type": "application/octet-stream"})
            case "POST", ["batches"]:
                return self._submit(request.json)
            case "GET", ["batches"]:
                newest = [*self.batches.values()][::-1]
                return Answer(200, {"object": "list", "data": newest, "has_more": False})
            case "GET", ["batches", name] if name in self.batches:
                return Answer(200, self._retrieve(name))
            case "POST", ["batches", name, "cancel"]:
                self.batch_status, self.batches_end = "cancelled", True
                return Answer(200, self._retrieve(name))
        return None

    def _upload(self, request: Request) -> Answer:
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + request.body)
        fields = {str(part.get_param("name", header="content-disposition")): part for part in form.walk()}
        content = fields["file"].get_payload(decode=True)
        assert isinstance(content, bytes)
        return Answer(200, self._file(content))

    def _file(self, content: bytes) -> dict[str, Any]:
        name = f"file-{next(self._numbers)}"
        self.files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": 1,
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
        }

    def _submit(self, body: Mapping[str, Any]) -> Answer:
        lines = [json.loads(line) for line in self.files[body["input_file_id"]].splitlines()]
        names = [line["custom_id"] for line in lines]
        bad = len(set(names)) < len(names) or any(line["url"] != body["endpoint"] for line in lines)
        batch: dict[str, Any] = {
            "id": f"batch_{next(self._numbers)}",
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": body["completion_window"],
            "created_at": 1,
            "status": "failed" if bad else "validating",
            "errors": {"data": [{"code": "invalid", "message": "custom_id twice, or another url"}]} if bad else None,
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        self.batches[batch["id"]] = batch
        return Answer(200, batch)

    def _retrieve(self, name: str) -> dict[str, Any]:
        """Retrieve a batch, which ends it unless `batches_end` is False."""
        batch = self.batches[name]
        if batch["status"] in ("validating", "in_progress"):
            batch["status"] = "in_progress"
            if self.batches_end:
                self._end(batch)
        return batch

    def _end(self, batch: dict[str, Any]) -> None:
        batch["status"] = self.batch_status
        if self.batch_status == "failed":
            batch["errors"] = {"data": [{"code": "token_limit_exceeded", "message": "Enqueued token limit reached."}]}
            return
        good: list[str] = []
        bad: list[str] = []
        for line in reversed([json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]):
            done = self._line(line)
            (good if done["response"] and done["response"]["status_code"] == 200 else bad).append(json.dumps(done))
        batch["request_counts"] = {"total": len(good) + len(bad), "completed": len(good), "failed": len(bad)}
        if good:
            batch["output_file_id"] = self._file("\n".join(good).encode())["id"]
        if bad:
            batch["error_file_id"] = self._file("\n".join(bad).encode())["id"]

    def _line(self, line: Mapping[str, Any]) -> dict[str, Any]:
        name, number = line["custom_id"], next(self._numbers)
        done: dict[str, Any] = {"id": f"batch_req_{number}", "custom_id": name, "response": None, "error": None}
        status = self.batch_faults.get(name)
        if status and self.batch_status in ("expired", "cancelled"):
            message = f"This request was not executed before the batch {self.batch_status}."
            return {**done, "error": {"code": f"batch_{self.batch_status}", "message": message}}
        if status:
            answer: Answer | None = problem(status, f"This request failed with {status}.")
        else:
            headers = {"authorization": f"Bearer {self.key}"}
            answer = self(Request(line["method"], line["url"], headers, json.dumps(line["body"]).encode()))
        assert answer
        body = {"status_code": answer.status, "request_id": f"req_{number}", "body": answer.body}
        return {**done, "response": body}
