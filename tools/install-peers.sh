#!/usr/bin/env bash
# usage: tools/install-peers.sh FOLDER
#
# Install the programs that read our files in the tests from PyPI into a virtual
# environment, FOLDER/peers (FOLDER: the build folder): ONNX Runtime and OpenVINO
# for ONNX files, TensorBoard for event files. Does nothing if they are
# installed. If PyPI is not reachable it says so, and the tests that need them
# are skipped.
set -euo pipefail

peers=${1:?usage: install-peers.sh FOLDER}/peers
python=$peers/bin/python

for package in onnxruntime==1.32.0 openvino==2026.4.1 tensorboard==2.21.0; do
    name=${package%%==*}
    if [ -x "$python" ] && "$python" -c "import $name" 2>/dev/null; then
        continue
    fi
    echo "installing: $package in $peers" >&2
    [ -x "$python" ] ||
        /usr/bin/python3 -m venv --system-site-packages "$peers" >&2 || break
    "$python" -m pip install --quiet --disable-pip-version-check \
        --retries 1 --timeout 20 "$package" >/dev/null 2>&1 ||
        echo "$package cannot be installed from PyPI: its tests are skipped" >&2
done
