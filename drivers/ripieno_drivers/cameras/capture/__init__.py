"""Capture: the process of one camera. It may hang or die in its library; then it is killed and made anew.

In:    a job (where the pictures come from, what is wrong with a picture), freed slots.
Out:   pictures in slots of shared memory; one word about each; why it ends.
Never: asyncio, a second picture source, a wait for who reads the words.
Start: program.py; words.py is what both sides say; sources.py opens files, cameras and streams; judge.py looks at a
       picture; shelf.py puts it into a slot.
"""
