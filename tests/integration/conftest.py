# SPDX-License-Identifier: Apache-2.0
"""Fixtures: each test gets its own folder, parties, server and agent, and everything ends with it."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from computation import Computation  # noqa: E402
from world import Agent, Cvms, Parties, can_run_jobs  # noqa: E402


@pytest.fixture
def parties(tmp_path):
    (tmp_path / "parties").mkdir()
    return Parties(tmp_path / "parties")


@pytest.fixture
def open_cvms():
    """Starts servers, and ends them."""
    servers = []

    def start(*manifests, **options):
        servers.append(Cvms(*manifests, **options))
        return servers[-1]
    yield start
    for server in servers:
        server.end()


@pytest.fixture
def open_agent(tmp_path):
    """Starts agents, and ends them; an agent must end well."""
    agents = []

    def start(cvms, **options):
        agents.append(Agent(tmp_path, cvms, **options))
        return agents[-1]
    yield start
    for agent in agents:
        agent.end()


@pytest.fixture
def jobs():
    if not can_run_jobs():
        pytest.skip("skipped: jobs need root and crun")


@pytest.fixture
def computation(tmp_path):
    """Makes whole computations, driven by the program cocos, of which nothing runs when the test is over."""
    made = []

    def make(start=True, **options):
        root = tmp_path / str(len(made))
        root.mkdir()
        made.append(Computation(root, **options))
        return made[-1].start() if start else made[-1]

    yield make
    for c in made:
        c.stop()
