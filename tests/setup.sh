#!/bin/sh
# Makes the virtual environment $1 from requirements.lock (hashes checked) and puts the project into it, editable.
# Wheels are fetched once into a cache keyed by lock file and Python; after that no network is needed.
set -eu
venv=$1
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || {
    echo "Python 3.11, 3.12 or 3.13 is needed; '$python' is $("$python" -V 2>&1). Name another: make PYTHON=python3.12 ..." >&2
    exit 2
}
"$python" -c 'import ensurepip, venv' 2>/dev/null || {
    echo "Python's venv module is missing: apt install python3-venv" >&2
    exit 2
}
key=$(cat requirements.lock - <<END | sha256sum | cut -c1-16
$("$python" -c 'import sys, sysconfig; print(sys.version_info[:2], sysconfig.get_platform())')
END
)
wheels=${RIPIENO_WHEELS:-${XDG_CACHE_HOME:-$HOME/.cache}/ripieno/wheels-$key}
rm -rf "$venv"
"$python" -m venv "$venv"
if [ ! -f "$wheels/complete" ]; then
    echo "Fetching the locked dependencies into $wheels (once) ..."
    rm -rf "$wheels" && mkdir -p "$wheels"
    "$venv/bin/pip" download --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock -d "$wheels"
    touch "$wheels/complete"
fi
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --find-links "$wheels" --require-hashes -r requirements.lock
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation -e .
# What pip does for a wheel: a start does not have to read the sources again, even where Python may not keep bytecode.
"$venv/bin/python" -m compileall -q pipelines/ripieno drivers/ripieno_drivers daemon/ripieno_daemon firmware-sim/ripieno_sim
