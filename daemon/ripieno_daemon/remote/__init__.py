"""The far end: what the fleet may ask of one running app, and how it reaches the parts that do it.

In:    a device's enrolment; signed orders and settings as the fleet's rooms let them through.
Out:   a station on the broker; settings in force at a decision boundary; executors that act on the running line.
Never: an order done that `orders` did not admit; a setting that the plan does not offer (tuning.py).
Start: afar.py (one life of it), stationed.py (its parts put together), tuning.py (what may be set).
"""
