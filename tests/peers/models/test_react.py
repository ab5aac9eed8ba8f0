"""``examples/react_agent.py`` as a neuron's model, by its endpoint alone."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from klopf.checks import check_model
from klopf.peers import Text, create_model

from .foreign import chat, served

EXAMPLE = Path(__file__).parents[3] / "examples/react_agent.py"
TASK = Text(("question",), ("answer",))


def thinks(text):
    """A language model that can only say which tool it needs, and repeat what that said; never when asked to wait."""
    if "wait" in text or "name an action" in text:
        return "Thought: hm"
    if found := re.search(r"(\d+) times (\d+)", text):
        return f"Thought: a product\nAction: calculate({found[1]} * {found[2]})"
    if found := re.search(r"Observation: (-?\d+)$", text):
        return f"Answer: {found[1]}"
    return "Thought: I know\nAnswer: Paris"


@pytest.fixture(scope="module")
def agent():
    """Its URL; the process ends with the module."""
    with served(chat(thinks)) as behind:
        process = subprocess.Popen(
            [sys.executable, EXAMPLE, f"{behind.url}/v1", "small", "0"], stdout=subprocess.PIPE, text=True
        )
        try:
            yield process.stdout.readline().split()[-1], behind
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def test_it_calculates_and_answers(agent):
    url, behind = agent
    model = create_model(f"openai:{url}#react", TASK, 0, {})
    asked = np.array(["What is 17 times 23?", "What is the capital of France?", "Please wait."])
    assert model.answer(asked).tolist() == ["391", "Paris", ""]
    told = [body["messages"][-1]["content"] for _, body, _ in behind.asked]
    assert "Observation: 391" in told and told.count("Observation: name an action, or answer") >= 4


def test_it_keeps_what_a_model_promises(agent):
    check_model(f"openai:{agent[0]}#react", task=TASK)
