"""The sections of a pipeline file: one frozen dataclass for each kind of entry, with its keys, bounds and defaults.

In:    nothing. Out: the classes, and for each section what its entries can be.
Never: a look at another entry: what refers to what is checked by who reads the section.
Start: inputs.py; `..pipeline_file` is the whole file; words.py has the types that all share.

Keys that are Python words end in `_` here. What a class says of itself and of its keys (`doc`) is what the
reference pages and the JSON schema say.
"""
