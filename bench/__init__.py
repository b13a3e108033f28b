"""Benchmarks of the speed and quality of Diptych, each compared with a baseline in the same run.

    python -m bench [NAME...] [--json]
    python -m bench queries --points 100000
    python -m bench catalogue --on products.csv
    python -m bench ablation --on questions.jsonl --store library

Absolute times depend on the machine and its load; compare the ratios.
"""
