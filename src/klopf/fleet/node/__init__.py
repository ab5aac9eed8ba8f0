"""Inside a node: devices that hold and train a model together which none of them could hold alone."""

from klopf.fleet.node._node import Node, Report
from klopf.fleet.node._plan import Stage
from klopf.fleet.node._worker import Helper, Here, Worker, lend, reach

__all__ = ["Helper", "Here", "Node", "Report", "Stage", "Worker", "lend", "reach"]
