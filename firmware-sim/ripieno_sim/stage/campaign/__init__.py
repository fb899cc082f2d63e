"""Campaign: `ripieno sim run`, the whole daemon against everything that can go wrong, in virtual time from a seed.

In:    a seed and how many minutes of plant time; which kinds of faults to leave out.
Out:   the invariants that did not hold, each with its evidence, its story and the command that repeats it.
Never: a word of the daemon taken for true that plant, board, disk, consumer or site can say better; a real model (a
       stand-in answers as often right as the shipped one); anything that differs between two runs of one seed.
Start: run.py (one seed), terms.py (what a seed decides), faults.py (what can go wrong), judge/ (what must hold);
       world.py outlives the daemon, lives.py is its deaths; pipeline.yaml is the line's, judge/reference.py its rules.
"""
