"""Steps of items: what each needs, when it begins, what it answers.

In:    items, and the answers of models, systems and people.
Out:   effects that ask for more, and answers on the item.
Never: the decision about an item: rules look at the answers.
Start: flow.py; computing.py (answered at once), finding.py (in texts), asks.py (people), answers.py (models).
"""
