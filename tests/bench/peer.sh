#!/usr/bin/env bash
# Builds the existing GStreamer plugin for LiveKit (the crate gst-plugin-webrtc) to measure beside: prints the folder of
# the plugin, for `tests/bench/run.sh --peer FOLDER`. Needs cargo; a few minutes the first time.
set -euo pipefail
version=0.15.4
folder=${XDG_CACHE_HOME:-$HOME/.cache}/gst-livekit/bench-peer-$version
if [[ ! -f $folder/plugin/libgstrswebrtc.so ]]; then
  mkdir -p "$folder/fetch/src" "$folder/plugin"
  cd "$folder/fetch"
  echo 'fn main() {}' > src/main.rs
  cat > Cargo.toml <<EOF
[package]
name = "fetch"
version = "0.1.0"
edition = "2021"
[dependencies]
gst-plugin-webrtc = { version = "=$version", default-features = false, features = ["livekit", "rustls-ring"] }
EOF
  cargo fetch >&2
  source=$(cargo metadata --format-version 1 2> /dev/null |
    python3 -c 'import json, sys
print(next(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "gst-plugin-webrtc"))')
  rm -rf ../source && cp -r "$(dirname "$source")" ../source && cd ../source
  # Newer ones need a newer compiler, or miss a field that the crate's own dependency sets.
  cargo update --quiet kstring --precise 2.0.2
  cargo update --quiet livekit-protocol@0.7.13 --precise 0.7.11
  cargo build --release --lib --no-default-features --features livekit,rustls-ring --target-dir ../target >&2
  cp ../target/release/libgstrswebrtc.so ../plugin/
fi
echo "$folder/plugin"
