"""Fixtures of all tests of the server. A conftest, so that the tests share one store."""

from tests.support.served_store import answering_server as answering_server
from tests.support.served_store import answers as answers
from tests.support.served_store import client as client
from tests.support.served_store import served_diptych as served_diptych
