#!/usr/bin/env bash
# A demonstration in a few minutes: install missing packages, build, predict a
# pair of photographs with the model that ships, draw a small synthetic data
# set, train a small DMS-Net on it, evaluate it, predict one of its pairs.
set -euo pipefail
cd "$(dirname "$0")"

step() {
    printf '\n\033[1m%s\033[0m\n' "$*"
}

step "1/6  Building build/dmsnet"
tools/install-packages.sh
cmake --preset release >/dev/null
cmake --build build --target dmsnet | tail -n 1

demo=build/demo
rm -rf "$demo"
mkdir -p "$demo"

step "2/6  A healthy person's eyes (examples/photographs), by the shipped model"
if build/dmsnet models --json | grep '"odir-small"' >/dev/null; then
    build/dmsnet predict --model odir-small \
        --left examples/photographs/normal_left.jpg \
        --right examples/photographs/normal_right.jpg
else
    echo "This checkout contains no trained model (models/README.md)."
fi

step "3/6  Drawing 300 synthetic patients (not a substitute for photographs)"
build/dmsnet synth "$demo/data" --patients 300 --size 160 --seed 1

step "4/6  Training resnet18 at 96 pixels on them"
build/dmsnet train --data "$demo/data" --run "$demo/run" --backbone resnet18 \
    --width 128 --size 96 --epochs 12 --batch 16 --time-limit 2m30s \
    --val 0.25 --metric macro_auc

step "5/6  Evaluating it on the validation patients"
build/dmsnet evaluate --model "$demo/run/best.safetensors" \
    --data "$demo/data" --out "$demo/evaluation" --resamples 500

step "6/6  Predicting one pair"
build/dmsnet predict --model "$demo/run/best.safetensors" \
    --left "$demo/data/images/1_left.jpg" \
    --right "$demo/data/images/1_right.jpg"

cat <<TXT

The report is in $demo/evaluation/report.txt, the model in
$demo/run/best.safetensors. Next:

  build/dmsnet data check DIR             check your own data
  build/dmsnet train --data DIR --run runs/first --backbone resnet18 --size 128
  build/dmsnet --help                     list all verbs
TXT
