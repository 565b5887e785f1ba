#!/usr/bin/env bash
# build_sentencepiece.sh ABSEIL SENTENCEPIECE BUILD PREFIX: builds both source trees and leaves in
# PREFIX include/ and one archive lib/libsentencepiece.a that holds sentencepiece and its abseil, so
# that a program links one file whatever parts of abseil a version uses.
set -euo pipefail
abseil=$1 sentencepiece=$2 build=$3 prefix=$4

# sentencepiece is C++17 and asks the same of the abseil under it.
options=(-G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=17 -DCMAKE_POSITION_INDEPENDENT_CODE=ON
  -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_INSTALL_PREFIX="$build/prefix" -DCMAKE_PREFIX_PATH="$build/prefix")
cmake "${options[@]}" -S "$abseil" -B "$build/abseil" \
  -DABSL_PROPAGATE_CXX_STD=ON -DABSL_ENABLE_INSTALL=ON -DBUILD_TESTING=OFF
cmake --build "$build/abseil" --target install
cmake "${options[@]}" -S "$sentencepiece" -B "$build/sentencepiece" \
  -DSPM_ABSL_PROVIDER=package -DSPM_ENABLE_SHARED=OFF -DSPM_ENABLE_TCMALLOC=OFF
cmake --build "$build/sentencepiece" --target sentencepiece-static generate_installed_headers

mkdir -p "$prefix/lib" "$prefix/include"
cp -r "$build/prefix/include/absl" "$build"/sentencepiece/src/installed_headers/*.h "$prefix/include"
cp "$abseil/LICENSE" "$prefix/LICENSE.abseil"
cp "$sentencepiece/LICENSE" "$prefix/LICENSE.sentencepiece"
{
  echo "create $prefix/lib/libsentencepiece.a"
  printf 'addlib %s\n' "$build/sentencepiece/src/libsentencepiece.a" "$build"/prefix/lib/libabsl_*.a
  printf 'save\nend\n'
} | ar -M
