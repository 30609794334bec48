#!/usr/bin/env bash
# usage: tools/install-packages.sh [--tests | --all]
#
# Install the Debian 12 packages that the build needs; with --tests also those
# of ./test.sh, with --all also those of ./test.sh --all and --soak. Does
# nothing if all are installed.
set -euo pipefail

build=(gcc cmake ninja-build pkg-config libdnnl-dev libjpeg62-turbo-dev
       libpng-dev libtiff-dev libwebp-dev libexif-dev zlib1g-dev libzip-dev
       libexpat1-dev libjansson-dev libyaml-dev protobuf-c-compiler
       libprotobuf-c-dev libonnx-dev libutf8proc-dev)
tests=(libcmocka-dev clang-format python3-torch python3-torchvision
       python3-sklearn python3-pil python3-numpy python3-onnx python3-venv
       strace locales abigail-tools)
# Locales with a decimal comma, an i that is not ASCII's, a decimal point of
# two bytes: output must not depend on them (tests/*/test_locale*).
languages=(de_DE tr_TR ps_AF)
all=(clang clang-tidy libclang-rt-14-dev gcovr)

wanted=("${build[@]}")
case ${1:-} in
--tests) wanted+=("${tests[@]}") ;;
--all) wanted+=("${tests[@]}" "${all[@]}") ;;
esac

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done

sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "installing: ${missing[*]}" >&2
    $sudo apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive \
        $sudo apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

[ -n "${1:-}" ] || exit 0
there=$(locale -a)
for language in "${languages[@]}"; do
    if ! grep -qix "$language\.utf-\?8" <<<"$there"; then
        echo "generating the locale $language.UTF-8" >&2
        $sudo localedef -i "$language" -f UTF-8 "$language.UTF-8"
    fi
done
