"""Tests in a virtual machine, tier `vm`: RIPIENO_VM=1 make test ARGS=tests/vm."""
