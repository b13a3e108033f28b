"""How fast and how good Diptych is, each figure beside a floor, a peer or itself less one part, in the same run.

    python -m bench [NAME...] [--json]
    python -m bench queries --points 100000
    python -m bench catalogue --on products.csv
    python -m bench ablation --on questions.jsonl --store library

Seconds change with the machine and with who else uses it; the ratios are what to compare.
"""
