"""Training of the bead model of the bundle quality-control.

In:    the real extrusion pictures of a folder, pictures of the plant's renderer.
Out:   an int8 TFLite file, a report of figures.
Never: part of an installed package; only network.py and train.py need TensorFlow.
Start: train.py.
"""
