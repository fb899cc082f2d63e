"""Training of the intent model of the service desk: a bank customer's question to one of 77 intents.

In:    the train part of BANKING77 (text, category); a seed.
Out:   a full-int8 TFLite file, its labels, figures on the validation part.
Never: part of an installed package; a look at the test part; TensorFlow: numpy trains, flatbuffers writes.
Start: train.py; questions.py reads and splits, lesson.py has what is learned from, network.py learns, tflite.py
       writes.
"""
