"""How fast Diptych is, each figure beside a floor or a peer measured in the same run: `python -m bench [NAME...]`.

Seconds change with the machine and with who else uses it; the ratios are what to compare.
"""
