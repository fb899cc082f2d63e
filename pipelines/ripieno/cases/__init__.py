"""Cases: what a pipeline must do, told as given, when, then, and run in virtual time.

In:    a pipeline's plan and the case files of its bundle.
Out:   which cases hold, what of the pipeline they have seen, and which changes of it they would not notice.
Never: a model, a device, a wall clock: answers are given by the case, time is the case's own.
Start: case_file.py (the file), play.py (one case), checks.py (then), coverage.py, mutation.py.
"""

from .case_file import Case, CaseFile, read_cases
from .coverage import Coverage
from .mutation import Mutant, mutants_of
from .trial import Outcome, run_case

__all__ = ["Case", "CaseFile", "Coverage", "Mutant", "Outcome", "mutants_of", "read_cases", "run_case"]
