"""The service in a real systemd: a fresh Debian root under systemd-nspawn, the wheel installed as docs/install.md says.

In:    root, systemd-nspawn, debootstrap (or a kept root); wheels that were fetched before, because the root has no net.
Out:   figures and a verdict, as text or JSON; exit code 1 where a promise is broken. Where it cannot run it says why.
Never: a container left running, a mount of this machine changed, the network used from inside.
Start: __main__.py (`python -m tests.systemd.nspawn --trials 3`), trials.py (what is promised and how it is broken),
       coming_back.py (what takes time), bad_days.py (what goes wrong), watched.py (what is looked at).
"""
