#!/usr/bin/env bash
# Install what building needs (and, with --tests, what testing needs) on
# Debian 12, by name from Debian. Does nothing where all of it is there.
set -euo pipefail

build=(gcc cmake ninja-build pkg-config libdnnl-dev libjpeg62-turbo-dev
       libpng-dev libtiff-dev libwebp-dev libexif-dev zlib1g-dev libzip-dev
       libexpat1-dev libjansson-dev libyaml-dev protobuf-c-compiler
       libprotobuf-c-dev libonnx-dev)
tests=(libcmocka-dev clang-format python3-torch python3-torchvision
       python3-sklearn python3-pil python3-numpy python3-onnx python3-venv
       strace)

wanted=("${build[@]}")
if [ "${1:-}" = --tests ]; then
    wanted+=("${tests[@]}")
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
fi
echo "installing: ${missing[*]}" >&2
$sudo apt-get update -qq >&2
DEBIAN_FRONTEND=noninteractive \
    $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
