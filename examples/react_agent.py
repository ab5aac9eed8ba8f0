"""An agent that reasons and acts, without a framework, that joins a network of texts by its endpoint alone.

Behind it is any language model with chat completions as OpenAI's; in front it is one itself:

    python examples/react_agent.py http://127.0.0.1:8080/v1 small 8085
    klopf join me ... --model openai:http://127.0.0.1:8085/v1#react

The model is told to think and to name a tool; what the tool says is put to it, up to five times, until it answers. An
agent of any framework joins the same way.
"""

import ast
import json
import operator
import re
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLD = """Answer the question. Write lines of these forms only:
Thought: what you think
Action: calculate(an expression such as 3 * (4 + 5))
Answer: the answer, in a word or two
After an action you are told what it gives, as Observation. Then go on."""
SIGNS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def calculate(expression: str) -> str:
    """The only tool: +, -, * and / of numbers, and nothing that could run."""

    def value(node):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            return node.value
        if isinstance(node, ast.BinOp) and type(node.op) in SIGNS:
            return SIGNS[type(node.op)](value(node.left), value(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -value(node.operand)
        raise ValueError

    try:
        return f"{value(ast.parse(expression[:100], mode='eval').body):g}"
    except (SyntaxError, ValueError, ArithmeticError, RecursionError):
        return "cannot be calculated"


def ask(url: str, model: str, messages: list[dict[str, str]]) -> str:
    """What the language model goes on with, until it wants to be told what an action gives."""
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": 120, "stop": ["Observation:"]}
    request = urllib.request.Request(
        f"{url}/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["choices"][0]["message"]["content"]


def react(url: str, model: str, question: str) -> str:
    """The answer, after as many actions as it takes; empty where five were not enough."""
    messages = [{"role": "system", "content": TOLD}, {"role": "user", "content": f"Question: {question}"}]
    for _ in range(5):
        said = ask(url, model, messages)
        messages.append({"role": "assistant", "content": said})
        action = re.search(r"Action: *calculate\((.*)\)", said)
        answer = re.search(r"Answer: *(.+)", said)
        if answer and not (action and action.start() < answer.start()):
            return answer[1].strip()
        told = calculate(action[1]) if action else "name an action, or answer"
        messages.append({"role": "user", "content": f"Observation: {told}"})
    return ""


def serve(url: str, model: str, port: int) -> None:
    """The agent as chat completions at 127.0.0.1, until it is interrupted."""

    class Door(BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), 65536)))
            said = react(url, model, asked["messages"][-1]["content"])
            content = json.dumps({"choices": [{"message": {"role": "assistant", "content": said}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Door) as server:
        print(f"react answers at http://127.0.0.1:{server.server_address[1]}/v1", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
