#!/usr/bin/env bash
# Rebuild wire_pb2.py from wire.proto. Needs Python and a package index; leaves nothing else behind.
# grpcio-tools 1.72.1 carries protoc 30, the oldest whose output both protobuf 6.30 and 7 accept without a warning.
set -euo pipefail
cd "$(dirname "$0")"
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
"${PYTHON:-python3}" -m venv "$tools"
"$tools/bin/python" -m pip install -q --disable-pip-version-check 'grpcio-tools==1.72.1'
"$tools/bin/python" -m grpc_tools.protoc -I. --python_out=. --pyi_out=. wire.proto
sha256sum wire.proto | cut -d' ' -f1 > wire.proto.sha256
