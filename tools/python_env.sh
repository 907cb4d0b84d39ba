# Sourced by setup.sh and readers.sh, from the repository's root: what both do to the virtual environment $venv. They define say and die.
readonly kTorch=2.13.0
readonly kNumpy=2.4.6
readonly kInterop=(transformers==5.23.0 tokenizers==0.23.3 safetensors==0.8.0 compressed-tensors==0.20.0 gguf==0.19.0
                   jinja2==3.1.6 accelerate==1.15.0)

make_venv() {
  if ! "$venv/bin/python" -c 'import pip' >/dev/null 2>&1; then
    [[ ! -L $venv ]] || die "$venv is a link to a Python that does not run; remove it"
    say "making $venv with $(python3 --version)"
    python3 -m venv --clear "$venv" || die "python3 -m venv failed; on Debian: apt-get install -y python3-venv"
  fi
}

pip_install() { "$venv/bin/python" -m pip install -qq --disable-pip-version-check "$@"; }

# torch's CPU wheels are a tenth of the CUDA ones: use their index where there is no NVIDIA driver and it can be reached.
install_torch() {
  local index=${MPQ_TORCH_INDEX:-}
  local cpu=https://download.pytorch.org/whl/cpu
  if [[ -z $index ]] && ! command -v nvidia-smi >/dev/null &&
     "$venv/bin/python" -c "import urllib.request as u; u.urlopen('$cpu/torch/', timeout=10)" >/dev/null 2>&1; then
    index=$cpu
  fi
  say "installing torch $kTorch${index:+ from $index}"
  pip_install ${index:+--index-url "$index"} "torch==$kTorch" || die "pip could not install torch==$kTorch"
  pip_install "numpy==$kNumpy" || die "pip could not install numpy==$kNumpy"
}

# Prints the requirements NAME==VERSION of the arguments that $venv does not meet.
unmet() {
  "$venv/bin/python" - "$@" <<'PYTHON'
import sys
from importlib.metadata import PackageNotFoundError, version

for requirement in sys.argv[1:]:
    name, wanted = requirement.split("==")
    try:
        found = version(name).split("+")[0]
    except PackageNotFoundError:
        found = None
    if found != wanted:
        print(requirement, end=" ")
PYTHON
}

# transformers with compressed-tensors, and what else the interop tests import.
install_interop() {
  make_venv
  [[ -z $(unmet "torch==$kTorch" "numpy==$kNumpy") ]] || install_torch
  local missing
  missing=$(unmet "${kInterop[@]}")
  if [[ -n $missing ]]; then
    say "installing in $venv: $missing"
    # shellcheck disable=SC2086
    pip_install $missing "numpy==$kNumpy" || die "pip could not install: $missing"
    missing=$(unmet "torch==$kTorch" "${kInterop[@]}")
    [[ -z $missing ]] || die "still missing in $venv: $missing"
  fi
}
